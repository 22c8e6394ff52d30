export type { KubeAccess } from './access.ts'
export { createKubeClient, type KubeClient, type KubeClientOptions } from './kube-client.ts'
