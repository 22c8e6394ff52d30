import { ms } from '@plimsoll/model'
import { SeededRandom, VirtualClock } from '@plimsoll/ports'
import { kubeApiSuite } from '@plimsoll/ports/suites'
import { describe } from 'vitest'
import { ApiServer } from './api-server.ts'
import { bootstrap } from './bootstrap.ts'

describe('the in-process door', () => {
  kubeApiSuite(async () => {
    const clock = new VirtualClock({ start: ms(Date.parse('2026-01-02T03:04:05Z')) })
    const server = new ApiServer({ clock, random: new SeededRandom('suite') })
    bootstrap(server)
    return {
      api: server.client({ name: 'kubernetes-admin', groups: ['system:masters'] }, 'suite/1'),
      close: () => server.close(),
    }
  })
})
