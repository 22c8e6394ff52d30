// APIServices that clients register, as the charts of aggregated API servers do.
import { timestamp, type Ms } from '@plimsoll/model'
import { fieldsOf, textOf, withDefaults, type StoredObject } from '../object.ts'

/** The only group that others would serve and this server does. */
const servedHere = 'metrics.k8s.io'

/** Tells whether what it points to answers: nothing is reached through a service of the simulated network. */
export function apiServiceDefaults(object: StoredObject, now: Ms): StoredObject {
  const spec = fieldsOf(object.spec)
  const { name, namespace } = fieldsOf(spec['service'])
  const local = name === undefined
  const known = local || spec['group'] === servedHere
  const condition = known
    ? {
        status: 'True',
        reason: local ? 'Local' : 'Passed',
        message: local ? 'Local APIServices are always available' : 'all checks passed',
      }
    : {
        status: 'False',
        reason: 'FailedDiscoveryCheck',
        message: `service/${textOf(name)} in ${JSON.stringify(namespace)} runs in a simulated network and cannot be reached`,
      }
  const filled = local ? object : { ...object, spec: withDefaults(spec, { service: { name, namespace, port: 443 } }) }
  return withDefaults(filled, {
    status: { conditions: [{ type: 'Available', lastTransitionTime: timestamp(now), ...condition }] },
  })
}
