import { parseGoDuration } from '@plimsoll/model'
import type { Log, NodeGroupOptions } from '@plimsoll/ports'
import type { Asg } from './auto-scaling-groups.ts'

const prefix = 'k8s.io/cluster-autoscaler/node-template/autoscaling-options/'

/** Options that the group's tags set; a value that cannot be read is warned about and passed over (rule CA-214). */
export function optionsOfTags(asg: Asg, log: Log): NodeGroupOptions {
  const options: { -readonly [K in keyof NodeGroupOptions]: NodeGroupOptions[K] } = {}
  for (const { key, value } of asg.tags) {
    if (!key.startsWith(prefix)) continue
    const option = key.slice(prefix.length).toLowerCase()
    const unreadable = (): void =>
      log.named('aws_manager.go').warning(`failed to convert ${key} tag to its type: ${JSON.stringify(value)}`)
    switch (option) {
      case 'scaledownutilizationthreshold':
      case 'scaledowngpuutilizationthreshold': {
        const threshold = value.trim() === '' ? NaN : Number(value)
        if (Number.isNaN(threshold)) unreadable()
        else if (option === 'scaledownutilizationthreshold') options.scaleDownUtilizationThreshold = threshold
        else options.scaleDownGpuUtilizationThreshold = threshold
        break
      }
      case 'scaledownunneededtime':
      case 'scaledownunreadytime': {
        const duration = parseGoDuration(value)
        if (duration === undefined) unreadable()
        else if (option === 'scaledownunneededtime') options.scaleDownUnneededTime = duration
        else options.scaleDownUnreadyTime = duration
        break
      }
      case 'ignoredaemonsetsutilization':
        if (/^(1|t|true)$/i.test(value)) options.ignoreDaemonSetsUtilization = true
        else if (/^(0|f|false)$/i.test(value)) options.ignoreDaemonSetsUtilization = false
        else unreadable()
        break
    }
  }
  return options
}
