import { createAwsApi } from '@plimsoll/aws-client'
import { SeededRandom, SystemClock } from '@plimsoll/ports'
import { awsApiSuite } from '@plimsoll/ports/suites'
import { describe } from 'vitest'
import { EmbeddedAws, seedEksWorld, startAwsServer } from '../src/index.ts'

function world(): { readonly aws: EmbeddedAws; readonly clusterName: string; readonly groupName: string } {
  const aws = new EmbeddedAws({ clock: new SystemClock(), random: new SeededRandom('suite'), region: 'ap-northeast-2' })
  const { clusterName, groupNames } = seedEksWorld(aws)
  return { aws, clusterName, groupName: groupNames['ng1']! }
}

describe('in process', () => {
  awsApiSuite(() => {
    const { aws, ...names } = world()
    return Promise.resolve({ api: aws.api(), ...names })
  })
})

describe('over HTTP, through the SDK', () => {
  awsApiSuite(async () => {
    const { aws, ...names } = world()
    const server = await startAwsServer(aws)
    const client = await createAwsApi({
      region: aws.region,
      endpoint: server.url,
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      userAgent: 'suite',
    })
    return {
      api: client,
      ...names,
      close: async () => {
        client.close()
        await server.close()
      },
    }
  })
})
