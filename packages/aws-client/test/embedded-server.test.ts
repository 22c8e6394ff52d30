import { EmbeddedAws, seedEksWorld, startAwsServer, type AwsServer } from '@plimsoll/embedded-aws'
import { SeededRandom, SystemClock, type AwsError } from '@plimsoll/ports'
import { awsApiSuite } from '@plimsoll/ports/suites'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAwsApi, type AwsClient } from '../src/index.ts'

const region = 'ap-northeast-2'
const options = { region, credentials: { accessKeyId: 'any', secretAccessKey: 'any' }, userAgent: 'suite/1' }

function world(): { readonly aws: EmbeddedAws; readonly clusterName: string; readonly groupName: string } {
  const aws = new EmbeddedAws({ clock: new SystemClock(), random: new SeededRandom('suite'), region })
  const { clusterName, groupNames } = seedEksWorld(aws)
  return { aws, clusterName, groupName: groupNames['ng1']! }
}

describe('over the embedded AWS endpoint', () => {
  awsApiSuite(async () => {
    const { aws, ...names } = world()
    const server = await startAwsServer(aws)
    const api = await createAwsApi({ ...options, endpoint: server.url })
    const close = async (): Promise<void> => {
      api.close()
      await server.close()
    }
    return { api, ...names, close }
  })

  describe('besides', () => {
    const { aws, groupName } = world()
    let server: AwsServer
    let api: AwsClient
    beforeAll(async () => {
      server = await startAwsServer(aws)
      api = await createAwsApi({ ...options, endpoint: server.url })
    })
    afterAll(async () => {
      api.close()
      await server.close()
    })

    it('grows a group, and hears why it may not grow further', async () => {
      const group = await api.call('autoscaling', 'DescribeAutoScalingGroups', { AutoScalingGroupNames: [groupName] })
      const { MinSize, MaxSize } = group.AutoScalingGroups![0]!
      await api.call('autoscaling', 'SetDesiredCapacity', {
        AutoScalingGroupName: groupName,
        DesiredCapacity: MaxSize!,
      })
      const refused = await api
        .call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: groupName, DesiredCapacity: MaxSize! + 1 })
        .catch((error: unknown) => error as AwsError)
      expect(refused).toMatchObject({ name: 'AwsError', failure: 'invalid', code: 'ValidationError', httpStatus: 400 })
      expect(MinSize).toBeLessThanOrEqual(MaxSize!)
    })
  })
})
