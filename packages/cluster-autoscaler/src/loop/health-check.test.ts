import { minutes, ms } from '@plimsoll/model'
import { VirtualClock } from '@plimsoll/ports'
import { describe, expect, it } from 'vitest'
import { HealthCheck } from './health-check.ts'

describe('GET /health-check (CA-15)', () => {
  it('is well until armed, then as long as loops start and succeed', async () => {
    const clock = new VirtualClock({ start: ms(0) })
    const health = new HealthCheck(clock, {
      maxInactivity: minutes(10),
      maxFailingTime: minutes(15),
      maxStartupTime: minutes(5),
    })
    await clock.runFor(minutes(60))
    expect(health.answer()).toEqual({ status: 200, body: 'OK' })
    health.arm()
    await clock.runFor(minutes(15))
    expect(health.answer().status).toBe(200)
    await clock.runFor(ms(1))
    expect(health.answer()).toEqual({
      status: 500,
      body: 'Error: last activity more 15m0.001s ago, last success more than 15m0.001s ago',
    })
    health.active(clock.now())
    health.succeeded(clock.now())
    await clock.runFor(minutes(10))
    expect(health.answer().status).toBe(200)
    await clock.runFor(ms(1))
    expect(health.answer().status).toBe(500)
    health.active(clock.now())
    await clock.runFor(minutes(5))
    expect(health.answer()).toEqual({
      status: 500,
      body: 'Error: last activity more 5m0s ago, last success more than 15m0.001s ago',
    })
  })
})
