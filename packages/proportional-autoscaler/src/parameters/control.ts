// From the ConfigMap to a number of replicas (kubernetes-sigs/cluster-proportional-autoscaler:
// pkg/autoscaler/controller/plugin/plugin.go, EnsureController, and SyncConfig of both controllers).
import type { ConfigMap } from '@plimsoll/model'
import type { Log } from '@plimsoll/ports'
import { parse, YAMLError } from 'yaml'
import type { ClusterSize } from '../cluster/cluster-size.ts'
import { decodeGoStruct, ladderParams, linearParams, type DecodedStruct, type GoStruct } from '../go-json/decode.ts'
import { climbed, ladderProblem, ladderReplicas, type LadderParameters } from './ladder.ts'
import { linearProblem, linearReplicas, type LinearParameters } from './linear.ts'

export type ScalingParameters = LinearParameters | LadderParameters

/** Parameters, and the version of the ConfigMap that they were read from. */
export interface Control {
  readonly parameters: ScalingParameters
  readonly version: string
}

/** Go's int32 ends here; more replicas than that are none that an API server takes. */
const replicasMax = 2 ** 31 - 1

/** Pure: how many replicas the parameters call for. A whole number from 0 on. */
export function replicasFor(parameters: ScalingParameters, size: ClusterSize): number {
  const replicas = parameters.mode === 'linear' ? linearReplicas(parameters, size) : ladderReplicas(parameters, size)
  return Math.min(replicas, replicasMax)
}

interface Reading {
  readonly log: Log
  /** Whether parameters that are no JSON may be YAML. */
  readonly acceptsYaml: boolean
}

/** Reads the parameters of a ConfigMap that has changed, or says what is wrong with them in upstream's words. */
export function readControl(
  { data = {}, metadata: { resourceVersion: version } }: ConfigMap,
  before: Control | undefined,
  { log, acceptsYaml }: Reading,
): { readonly control: Control } | { readonly problem: string } {
  const entries = Object.entries(data)
  const [mode, text] = entries[0] ?? []
  if (entries.length !== 1 || mode === undefined || text === undefined)
    return { problem: `invalid configMap format, expected only one entry, got: ${goMap(entries)}` }
  if (mode !== 'linear' && mode !== 'ladder') return { problem: `not a supported control mode: ${mode}` }
  const same = before?.parameters.mode === mode
  if (!same) log.named('plugin.go:50').info(1, `Set control mode to ${mode}`)
  sayChange(mode, same ? before.version : '', version, text, log)

  const read = readParameters(mode, text, acceptsYaml)
  if ('problem' in read)
    return { problem: `Error syncing configMap with controller: error parsing ${mode} params: ${read.problem}` }
  if (read.defaultsMin)
    log.named('linear_controller.go:80').info(2, 'Defaulting min replicas count to 1 for linear controller')
  for (const warning of read.warnings) log.named('parameters.ts').warning(warning)
  return { control: { parameters: read.parameters, version } }
}

function sayChange(mode: ScalingParameters['mode'], old: string, version: string, text: string, log: Log): void {
  const versions = `(old: ${old} new: ${version})`
  if (mode === 'ladder') {
    const file = 'ladder_controller.go'
    log.named(`${file}:73`).info(0, `Detected ConfigMap version change ${versions} - rebuilding lookup entries`)
    log.named(`${file}:74`).info(2, `Params from apiserver: \n${text}`)
  } else {
    const file = 'linear_controller.go'
    log.named(`${file}:60`).info(0, `ConfigMap version change ${versions} - rebuilding params`)
    log.named(`${file}:61`).info(2, `Params from apiserver: \n${text}`)
  }
}

export interface ReadParameters {
  readonly parameters: ScalingParameters
  /** What upstream passes over in silence and a person should know. */
  readonly warnings: readonly string[]
  /** Whether `min` was not given. */
  readonly defaultsMin: boolean
}

/** Pure: the parameters of one mode, or what is wrong with them in upstream's words. */
export function readParameters(
  mode: ScalingParameters['mode'],
  text: string,
  acceptsYaml = false,
): ReadParameters | { readonly problem: string } {
  return mode === 'linear' ? readLinear(text, acceptsYaml) : readLadder(text, acceptsYaml)
}

function readLinear(text: string, acceptsYaml: boolean): ReadParameters | { readonly problem: string } {
  const decoded = decode(text, linearParams, acceptsYaml)
  if ('problem' in decoded) return decoded
  const given: LinearParameters = { mode: 'linear', ...decoded.values }
  const problem = linearProblem(given)
  if (problem !== undefined) return { problem }
  const parameters = { ...given, min: Math.max(1, given.min) }
  const warnings = unknownKeyWarnings(decoded.unknownKeys, linearParams)
  if (parameters.preventSinglePointFailure && parameters.max === 1)
    warnings.push(
      'preventSinglePointFailure goes before max: with two nodes or more there are 2 replicas, although max is 1',
    )
  return { parameters, warnings, defaultsMin: given.min === 0 }
}

function readLadder(text: string, acceptsYaml: boolean): ReadParameters | { readonly problem: string } {
  const decoded = decode(text, ladderParams, acceptsYaml)
  if ('problem' in decoded) return decoded
  const given: LadderParameters = { mode: 'ladder', ...decoded.values }
  const problem = ladderProblem(given)
  if (problem !== undefined) return { problem }
  const parameters: LadderParameters = {
    ...given,
    coresToReplicas: climbed(given.coresToReplicas),
    nodesToReplicas: climbed(given.nodesToReplicas),
  }
  const warnings = unknownKeyWarnings(decoded.unknownKeys, ladderParams)
  if (given.coresToReplicas.length === 0 && given.nodesToReplicas.length === 0)
    warnings.push('neither coresToReplicas nor nodesToReplicas has a step: this ladder means 0 replicas')
  return { parameters, warnings, defaultsMin: false }
}

type Decoded<S extends GoStruct> = Exclude<DecodedStruct<S>, { readonly error: string }>

function decode<const S extends GoStruct>(
  text: string,
  struct: S,
  acceptsYaml: boolean,
): Decoded<S> | { readonly problem: string } {
  const decoded = decodeGoStruct(text, struct)
  if (decoded.error === undefined) return decoded
  const json = acceptsYaml ? asJson(text) : undefined
  if (json === undefined) return { problem: `could not parse parameters (${decoded.error})` }
  const again = decodeGoStruct(json, struct)
  return again.error === undefined ? again : { problem: `could not parse parameters (${again.error})` }
}

/** YAML as JSON text; undefined for what is no YAML either. */
function asJson(text: string): string | undefined {
  try {
    return JSON.stringify(parse(text) ?? null)
  } catch (error) {
    if (!(error instanceof YAMLError) && !(error instanceof RangeError)) throw error
    return undefined
  }
}

function unknownKeyWarnings(unknown: readonly string[], struct: GoStruct): string[] {
  const known = struct.fields.map(({ json }) => json).join(', ')
  return unknown.map((key) => `unknown parameter ${JSON.stringify(key)} has no effect; known are ${known}`)
}

/** As fmt prints a map[string]string with %v: sorted by key. */
function goMap(entries: readonly (readonly [string, string])[]): string {
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `map[${sorted.map(([key, value]) => `${key}:${value}`).join(' ')}]`
}
