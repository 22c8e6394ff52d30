// The two ways to look at a cluster: once, and for as long as somebody watches. Wiring only.
import { ms } from '@plimsoll/model'
import type { Clock, KubeReader } from '@plimsoll/ports'
import { nodeRows } from './cluster/cluster-view.ts'
import type { NodePrices } from './cluster/node-prices.ts'
import { ClusterWatch } from './cluster-watch.ts'
import type { ColourDepth } from './layout/colour.ts'
import { csvReport, jsonReport, tableReport, type OutputForm, type ReportInput } from './output/report.ts'
import { humanDuration } from './cluster/human-duration.ts'
import type { Snapshot } from './screen/picture.ts'
import type { TerminalPort } from './screen/terminal-port.ts'
import type { ViewSettings } from './view-settings.ts'

export interface ViewerOptions {
  readonly kube: KubeReader
  readonly clock: Clock
  readonly prices: NodePrices
  readonly settings: ViewSettings
}

/** The text to print. @throws KubeError when the server does not answer */
export async function viewOnce(
  o: ViewerOptions & { readonly form: OutputForm; readonly width: number; readonly colours: ColourDepth },
): Promise<string> {
  const stop = new AbortController()
  const watch = watchFor(o, () => {}, stop.signal)
  try {
    await Promise.race([watch.synced, watch.failed])
    const input: ReportInput = { ...seen(watch, o), settings: o.settings }
    switch (o.form) {
      case 'table':
        return tableReport(input, o)
      case 'json':
        return jsonReport(input)
      case 'csv':
        return csvReport(input)
    }
  } finally {
    stop.abort()
  }
}

/** No more than ten pictures a second. */
const redrawInterval = ms(100)
const patience = ms(700)

/**
 * Resolves when the user quits or `signal` is aborted; the terminal is then as it was.
 * @throws KubeError when the server does not answer at all; later it is waited for
 */
export async function viewLive(
  o: ViewerOptions & { readonly terminal: TerminalPort; readonly server: string; readonly signal: AbortSignal },
): Promise<void> {
  const { Redraws } = await import('./screen/redraws.ts')
  const stop = new AbortController()
  const onAbort = (): void => stop.abort()
  o.signal.addEventListener('abort', onAbort, { once: true })
  const redraws = new Redraws(o.clock, redrawInterval)
  try {
    o.signal.throwIfAborted()
    const watch = watchFor(o, redraws.ask, stop.signal)
    const moment = new AbortController()
    const nodesAtLeast = nodesAndAMoment(watch, o.clock, moment.signal)
    nodesAtLeast.catch(() => {})
    // The library takes as long to load as the first answers take to come.
    const [{ showScreen }] = await Promise.all([
      import('./screen/show-screen.ts'),
      Promise.race([watch.synced, nodesAtLeast, watch.failed]),
    ])
    moment.abort()
    await showScreen({
      terminal: o.terminal,
      clock: o.clock,
      redraws,
      settings: o.settings,
      signal: stop.signal,
      snapshot: () => liveSnapshot(watch, o),
    })
  } catch (error) {
    if (!o.signal.aborted) throw error
  } finally {
    o.signal.removeEventListener('abort', onAbort)
    stop.abort()
    redraws.stop()
  }
}

/** Nodes without their pods would look empty; but nobody waits for 150,000 pods before a dark screen. */
async function nodesAndAMoment(watch: ClusterWatch, clock: Clock, signal: AbortSignal): Promise<void> {
  await watch.nodesSynced
  await clock.sleep(patience, signal)
}

function watchFor(o: ViewerOptions, onChange: () => void, signal: AbortSignal): ClusterWatch {
  const { kube, clock, settings } = o
  const { nodeSelector } = settings
  return new ClusterWatch({ kube, clock, resources: settings.summed, nodeSelector, onChange }, signal)
}

function seen(watch: ClusterWatch, o: ViewerOptions): Pick<Snapshot, 'rows' | 'pods' | 'now'> {
  return {
    rows: nodeRows(watch.model, o.settings.prices ? o.prices : undefined),
    pods: o.settings.nodeSelector === '' ? watch.model.pods.totals : undefined,
    now: watch.now(),
  }
}

function liveSnapshot(watch: ClusterWatch, o: ViewerOptions & { readonly server: string }): Snapshot {
  const { outage } = watch
  return {
    ...seen(watch, o),
    trouble:
      outage === undefined
        ? undefined
        : `No answer from ${o.server} for ${humanDuration(ms(o.clock.now() - outage.since))}, this is the last picture (${outage.reason})`,
    notes: watch.podsSynced ? [] : ['reading pods…'],
  }
}
