import { port } from '../../ports/src/index.ts'

/** Words may not know sockets: the layer rule has to see this. */
export const planted: string = port
