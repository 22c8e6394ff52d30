// The manifests that ship under deploy/, as objects.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { KubeManifest } from '@plimsoll/simulator'
import { parseAllDocuments } from 'yaml'

/** What runs in the workshop's cluster before anything is installed. */
export function workshopBase(): KubeManifest[] {
  return manifests(readDeployed('workshop/base.yaml'))
}

/** Cluster Autoscaler, looking for the groups of this cluster. */
export function clusterAutoscalerManifests(clusterName: string): KubeManifest[] {
  const text = readDeployed('cluster-autoscaler/cluster-autoscaler-autodiscover.yaml')
  return manifests(text.replaceAll('<YOUR CLUSTER NAME>', clusterName))
}

/** The path of a file under deploy/. */
export function deployed(path: string): string {
  return fileURLToPath(new URL(`../../../deploy/${path}`, import.meta.url))
}

function readDeployed(path: string): string {
  return readFileSync(deployed(path), 'utf8')
}

function manifests(text: string): KubeManifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeManifest | null)
    .filter((object) => object !== null)
}
