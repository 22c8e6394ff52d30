/**
 * Writes the instance type catalogue of embedded-aws from a file of facts.
 *
 *   node tools/catalogue/generate.ts FACTS.json
 *
 * FACTS.json is an array with one object per EC2 instance type (see `Facts`), gathered from published tables: the
 * network limits of aws/karpenter-provider-aws:pkg/providers/instancetype/zz_generated.vpclimits.go and
 * zz_generated.bandwidth.go, its on-demand prices of pkg/providers/pricing/zz_generated.pricing_aws.go, and EC2's own
 * DescribeInstanceTypes. Types without network limits or without a us-east-1 price are kept: the reader decides.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface Device {
  readonly count: number
  readonly name?: string
  readonly manufacturer?: string
  readonly memoryMiB?: number
  readonly neuronCores?: number
}

interface Facts {
  readonly instanceType: string
  readonly vcpu: number
  readonly memoryMiB: number
  readonly architecture: 'amd64' | 'arm64'
  readonly cpuManufacturer?: string
  readonly clockMhz?: number
  readonly enis?: number
  readonly ipv4PerEni?: number
  readonly networkCards?: readonly number[]
  readonly branchEnis?: number
  readonly efaInterfaces?: number
  readonly networkMbps?: number
  readonly networkVague?: string
  readonly ebsMbps?: number
  readonly hypervisor?: string
  readonly bareMetal?: boolean
  readonly encryptionInTransit?: boolean
  readonly localNvmeGB?: number
  readonly gpu?: Device
  readonly accelerator?: Device
  readonly onDemandUSD?: { readonly [region: string]: number }
}

type Cell = string | number | readonly (string | number)[]

const columns: readonly { readonly name: string; readonly cell: (facts: Facts) => Cell }[] = [
  { name: 'instanceType', cell: (f) => f.instanceType },
  { name: 'vcpu', cell: (f) => f.vcpu },
  { name: 'memoryMiB', cell: (f) => f.memoryMiB },
  { name: 'architecture', cell: (f) => f.architecture },
  { name: 'usdPerHour', cell: (f) => f.onDemandUSD?.['us-east-1'] ?? 0 },
  { name: 'enis', cell: (f) => f.enis ?? 0 },
  { name: 'ipv4PerEni', cell: (f) => f.ipv4PerEni ?? 0 },
  { name: 'hypervisor', cell: (f) => (f.bareMetal === true ? 'metal' : (f.hypervisor ?? 'nitro')) },
  { name: 'cpuManufacturer', cell: (f) => f.cpuManufacturer ?? '' },
  { name: 'clockMhz', cell: (f) => f.clockMhz ?? 0 },
  { name: 'networkMbps', cell: (f) => f.networkMbps ?? f.networkVague ?? 0 },
  { name: 'ebsMbps', cell: (f) => f.ebsMbps ?? 0 },
  { name: 'branchEnis', cell: (f) => f.branchEnis ?? 0 },
  { name: 'localNvmeGB', cell: (f) => f.localNvmeGB ?? 0 },
  { name: 'encryptionInTransit', cell: (f) => (f.encryptionInTransit === true ? 1 : 0) },
  { name: 'efaInterfaces', cell: (f) => f.efaInterfaces ?? 0 },
  { name: 'networkCards', cell: (f) => f.networkCards ?? [] },
  { name: 'gpu', cell: (f) => (f.gpu === undefined ? [] : device(f.gpu)) },
  { name: 'accelerator', cell: (f) => (f.accelerator === undefined ? [] : device(f.accelerator)) },
]

/** count, name, manufacturer, memory in MiB, Neuron cores */
function device(d: Device): readonly (string | number)[] {
  return [d.count, d.name ?? '', d.manufacturer ?? '', d.memoryMiB ?? 0, d.neuronCores ?? 0]
}

/** A row without the empty cells at its end. */
function row(facts: Facts): readonly Cell[] {
  const cells = columns.map((column) => column.cell(facts))
  while (isEmpty(cells.at(-1))) cells.pop()
  return cells
}

function isEmpty(cell: Cell | undefined): boolean {
  return cell === 0 || cell === '' || (Array.isArray(cell) && cell.length === 0)
}

function render(facts: readonly Facts[]): string {
  const rows = facts
    .toSorted((a, b) => (a.instanceType < b.instanceType ? -1 : 1))
    .map((entry) => JSON.stringify(row(entry)))
  return `{"columns":${JSON.stringify(columns.map((column) => column.name))},"types":[\n${rows.join(',\n')}\n]}\n`
}

const source = process.argv[2]
if (source === undefined) {
  process.stderr.write('usage: node tools/catalogue/generate.ts FACTS.json\n')
  process.exit(2)
}
const target = new URL('../../packages/embedded-aws/src/catalogue/instance-types.generated.json', import.meta.url)
writeFileSync(target, render(JSON.parse(readFileSync(source, 'utf8')) as Facts[]))
