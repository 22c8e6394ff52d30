import type { Log } from '@plimsoll/ports'
import { messageOf, type AwsCalls } from './calls.ts'
import { staticInstanceTypes } from './static-instance-types.generated.ts'

export interface InstanceType {
  readonly name: string
  readonly vcpu: number
  readonly memoryMiB: number
  readonly gpus: number
  readonly architecture: 'amd64' | 'arm64'
}

/** What instance types are made of: asked of AWS once, filled up from a built-in list. */
export class InstanceTypes {
  readonly #calls: AwsCalls
  readonly #log: Log
  readonly #staticOnly: boolean
  #known: Promise<ReadonlyMap<string, InstanceType>> | undefined

  constructor(o: { readonly calls: AwsCalls; readonly log: Log; readonly staticOnly: boolean }) {
    this.#calls = o.calls
    this.#log = o.log
    this.#staticOnly = o.staticOnly
  }

  async get(name: string): Promise<InstanceType | undefined> {
    this.#known ??= this.#staticOnly ? Promise.resolve(builtIn()) : this.#ask()
    return (await this.#known).get(name)
  }

  async #ask(): Promise<ReadonlyMap<string, InstanceType>> {
    const types = builtIn()
    try {
      let token: string | undefined
      do {
        const page = await this.#calls.call(
          'ec2',
          'DescribeInstanceTypes',
          token === undefined ? {} : { NextToken: token },
        )
        for (const type of page.InstanceTypes ?? []) {
          const name = type.InstanceType ?? ''
          types.set(name, {
            name,
            vcpu: type.VCpuInfo?.DefaultVCpus ?? 0,
            memoryMiB: type.MemoryInfo?.SizeInMiB ?? 0,
            gpus: (type.GpuInfo?.Gpus ?? []).reduce((sum, gpu) => sum + (gpu.Count ?? 0), 0),
            architecture: type.ProcessorInfo?.SupportedArchitectures?.[0] === 'arm64' ? 'arm64' : 'amd64',
          })
        }
        token = page.NextToken
      } while (token !== undefined && token !== '')
    } catch (error) {
      this.#log
        .named('aws_cloud_provider.go')
        .error(`Failed to generate AWS EC2 Instance Types: ${messageOf(error)}, falling back to static list`)
    }
    return types
  }
}

function builtIn(): Map<string, InstanceType> {
  const types = new Map<string, InstanceType>()
  for (const row of staticInstanceTypes.trim().split('\n')) {
    const [name, vcpu, memoryMiB, gpus, architecture] = row.split(' ')
    types.set(name!, {
      name: name!,
      vcpu: Number(vcpu),
      memoryMiB: Number(memoryMiB),
      gpus: Number(gpus),
      architecture: architecture === 'arm64' ? 'arm64' : 'amd64',
    })
  }
  return types
}
