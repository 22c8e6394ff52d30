export const port: string = 'a port'
