export { ApiServer, type ApiServerOptions, type AuthorizationMode, type Decoder } from './api-server.ts'
export { bootstrap } from './bootstrap.ts'
export type { Fields, ObjectInput, StoredObject } from './object.ts'
export { Registry, type ResourceInfo, type SubresourceInfo } from './registry.ts'
export type {
  Deletion,
  DeletionOptions,
  LogOptions,
  LogSink,
  PodLogs,
  ProxyRequest,
  ProxyResponse,
  ProxySource,
  RequestContext,
  ResourceUsage,
  ServerListOptions,
  ServerWatchOptions,
  UsageSource,
  UserInfo,
} from './request.ts'
export { startKubeServer, type AccessRecord, type KubeServer, type KubeServerOptions } from './http/kube-server.ts'
export { createPki, type KeyPairPem, type Pki, type PkiOptions } from './http/pki.ts'
export { kubeconfig, mergeKubeconfig, type KubeconfigCredential, type KubeconfigEntry } from './wire/kubeconfig.ts'
