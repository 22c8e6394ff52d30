import type { Node } from '@plimsoll/model'
import { describe, expect, it } from 'vitest'
import { NodeGroupError, type NodeGroup, type NodeGroups } from '../node-groups.ts'

/** A cloud with one group `group` of bounds 1 to 4 and two running instances, nothing under way. */
export interface NodeGroupsUnderTest {
  readonly groups: NodeGroups
  readonly group: string
  /** The nodes of the group's instances, as they are registered now. */
  nodes(): Promise<readonly Node[]>
  /** Lets the cloud catch up, and the cache grow old. */
  settle(): Promise<void>
  close(): Promise<void> | void
}

/** What a NodeGroups promises, whatever cloud stands behind it. */
export function nodeGroupsSuite(make: () => Promise<NodeGroupsUnderTest>): void {
  const withCloud = (run: (cloud: NodeGroupsUnderTest) => Promise<void>) => async (): Promise<void> => {
    const cloud = await make()
    try {
      await cloud.groups.refresh()
      await run(cloud)
    } finally {
      await cloud.close()
    }
  }
  const only = ({ groups, group }: NodeGroupsUnderTest): NodeGroup => {
    const found = groups.groups().find((each) => each.id === group)
    expect(found).toBeDefined()
    return found!
  }
  const refused = { name: 'NodeGroupError', failure: { kind: 'refused' } }

  describe('keeps the promises of NodeGroups', () => {
    it(
      'tells its groups, their bounds and their instances',
      withCloud(async (cloud) => {
        expect(only(cloud)).toMatchObject({ minSize: 1, maxSize: 4, targetSize: 2 })
        const instances = cloud.groups.instances(cloud.group)
        expect(instances.map((instance) => instance.state)).toEqual(['running', 'running'])
        const nodes = await cloud.nodes()
        expect(new Set(instances.map((instance) => instance.providerId))).toEqual(
          new Set(nodes.map((node) => node.spec.providerID)),
        )
        expect(nodes.map((node) => cloud.groups.groupOf(node)?.id)).toEqual([cloud.group, cloud.group])
        expect(nodes.map((node) => cloud.groups.hasInstance(node))).toEqual([true, true])
      }),
    )

    it(
      'does not know nodes of others',
      withCloud(async (cloud) => {
        const [node] = await cloud.nodes()
        const stranger = { ...node!, spec: { ...node!.spec, providerID: 'other://somewhere/else' } }
        expect(cloud.groups.groupOf(stranger)).toBeUndefined()
        expect(cloud.groups.hasInstance(stranger)).not.toBe(true)
      }),
    )

    it(
      'increases the target at once, and brings up as many',
      withCloud(async (cloud) => {
        await cloud.groups.increaseSize(cloud.group, 2)
        expect(only(cloud).targetSize).toBe(4)
        await cloud.settle()
        await cloud.groups.refresh()
        expect(only(cloud).targetSize).toBe(4)
        expect(cloud.groups.instances(cloud.group).filter((each) => each.state === 'running')).toHaveLength(4)
        expect(await cloud.nodes()).toHaveLength(4)
      }),
    )

    it(
      'refuses to pass its bounds, and changes nothing then',
      withCloud(async (cloud) => {
        await expect(cloud.groups.increaseSize(cloud.group, 3)).rejects.toMatchObject(refused)
        await expect(cloud.groups.increaseSize(cloud.group, 0)).rejects.toMatchObject(refused)
        const [first, second] = await cloud.nodes()
        await cloud.groups.deleteNodes(cloud.group, [first!])
        await expect(cloud.groups.deleteNodes(cloud.group, [second!])).rejects.toMatchObject(refused)
        expect(only(cloud).targetSize).toBe(1)
        await cloud.settle()
        await cloud.groups.refresh()
        expect(only(cloud).targetSize).toBe(1)
      }),
    )

    it(
      'deletes exactly the nodes that it is told to, and lowers the target',
      withCloud(async (cloud) => {
        const [first, second] = await cloud.nodes()
        await cloud.groups.deleteNodes(cloud.group, [first!])
        expect(only(cloud).targetSize).toBe(1)
        await cloud.settle()
        await cloud.groups.refresh()
        expect((await cloud.nodes()).map((node) => node.metadata.name)).toEqual([second!.metadata.name])
        expect(cloud.groups.groupOf(first!)).toBeUndefined()
      }),
    )

    it(
      'gives up only what has not come',
      withCloud(async (cloud) => {
        await expect(cloud.groups.decreaseTargetSize(cloud.group, -1)).rejects.toMatchObject(refused)
        await cloud.groups.increaseSize(cloud.group, 2)
        await cloud.groups.decreaseTargetSize(cloud.group, -2)
        expect(only(cloud).targetSize).toBe(2)
        await cloud.settle()
        await cloud.groups.refresh()
        expect(await cloud.nodes()).toHaveLength(2)
      }),
    )

    it(
      'makes a template that could register as it is',
      withCloud(async (cloud) => {
        const template = await cloud.groups.template(cloud.group)
        expect(template.metadata.labels).toMatchObject({ 'kubernetes.io/os': 'linux' })
        expect(Number(template.status?.allocatable?.['pods'])).toBeGreaterThan(0)
        expect(template.status?.capacity).toHaveProperty('cpu')
        expect(template.status?.capacity).toHaveProperty('memory')
        expect(template.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }))
      }),
    )

    it(
      'says of an unknown group that it is not found',
      withCloud(async (cloud) => {
        const failure = await cloud.groups.increaseSize('no-such-group', 1).catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(NodeGroupError)
        expect(failure).toMatchObject({ failure: { kind: 'notFound', group: 'no-such-group' } })
      }),
    )
  })
}
