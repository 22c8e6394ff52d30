// What kubelets of different versions say of the same thing.
import { minorOf } from './node-object.ts'

export interface Wording {
  created(container: string): string
  started(container: string): string
  present(image: string): string
}

const since135: Wording = {
  created: () => 'Container created',
  started: () => 'Container started',
  present: (image) => `Container image "${image}" already present on machine and can be accessed by the pod`,
}

const before135: Wording = {
  created: (container) => `Created container: ${container}`,
  started: (container) => `Started container ${container}`,
  present: (image) => `Container image "${image}" already present on machine`,
}

/** By the version that the machine's kubelet says of itself: `v1.34.2-eks-ecaa3a6`. */
export function wordingOf(kubeletVersion: string): Wording {
  return minorOf(kubeletVersion) < 35 ? before135 : since135
}
