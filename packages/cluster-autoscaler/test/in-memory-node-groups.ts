import type { Node } from '@plimsoll/model'
import {
  NodeGroupError,
  type GroupInstance,
  type NodeGroup,
  type NodeGroupOptions,
  type NodeGroups,
} from '@plimsoll/ports'

export interface GroupInMemory {
  readonly minSize: number
  readonly maxSize: number
  target: number
  instances: GroupInstance[]
  readonly options?: NodeGroupOptions
}

/** A cloud of plain records: instances come and go only by the test's hand. */
export class InMemoryNodeGroups implements NodeGroups {
  readonly name = 'memory'
  readonly records: Map<string, GroupInMemory> = new Map()
  /** Thrown by the next write. */
  failure: NodeGroupError | undefined

  add(id: string, group: GroupInMemory): this {
    this.records.set(id, group)
    return this
  }

  async refresh(): Promise<void> {}

  groups(): readonly NodeGroup[] {
    return [...this.records].map(([id, { minSize, maxSize, target }]) => ({ id, minSize, maxSize, targetSize: target }))
  }

  groupOf(node: Node): NodeGroup | undefined {
    const found = [...this.records].find(([, { instances }]) =>
      instances.some((instance) => instance.providerId === node.spec.providerID),
    )
    return found === undefined ? undefined : this.groups().find((group) => group.id === found[0])
  }

  hasInstance(node: Node): boolean | undefined {
    return this.groupOf(node) !== undefined
  }

  instances(group: string): readonly GroupInstance[] {
    return this.#record(group).instances
  }

  async template(group: string): Promise<Node> {
    throw new NodeGroupError({ kind: 'other' }, `no template for ${group}`)
  }

  options(group: string): NodeGroupOptions {
    return this.#record(group).options ?? {}
  }

  async increaseSize(group: string, delta: number): Promise<void> {
    this.#mayFail()
    this.#record(group).target += delta
  }

  async deleteNodes(group: string, nodes: readonly Node[]): Promise<void> {
    this.#mayFail()
    const record = this.#record(group)
    const gone = new Set(nodes.map((node) => node.spec.providerID))
    record.instances = record.instances.filter((instance) => !gone.has(instance.providerId))
    record.target -= nodes.length
  }

  async decreaseTargetSize(group: string, delta: number): Promise<void> {
    this.#mayFail()
    this.#record(group).target += delta
  }

  gpuLabel(): string {
    return 'gpu'
  }

  #record(group: string): GroupInMemory {
    const record = this.records.get(group)
    if (record === undefined) throw new NodeGroupError({ kind: 'notFound', group }, `${group} not found`)
    return record
  }

  #mayFail(): void {
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
  }
}
