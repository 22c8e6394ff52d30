// Pools, instance types and a short way to ask for a pass, for tests.
import {
  coreLabels,
  extendLabelRegistry,
  labelKeys,
  requirement,
  Requirements,
  usdPerHour,
  type InstanceType,
  type Labels,
  type LabelRegistry,
  type Offering,
  type Requirement,
  type ResourceList,
} from '@plimsoll/model'
import type { ProvisioningPool } from './input.ts'

export const reservationLabel = 'example.com/reservation'
export const testRegistry: LabelRegistry = extendLabelRegistry(coreLabels, { wellKnown: [reservationLabel] })

/** `zone/capacity-type`, perhaps `=price`; a third part is a reservation with one place. */
export function testOffering(text: string): Offering {
  const [where = '', price = '1'] = text.split('=')
  const [zone = '', capacityType = '', reservation] = where.split('/')
  return {
    requirements: Requirements.of(
      requirement(labelKeys.zone, 'In', [zone]),
      requirement(labelKeys.capacityType, 'In', [capacityType]),
      reservation === undefined
        ? requirement(reservationLabel, 'DoesNotExist')
        : requirement(reservationLabel, 'In', [reservation]),
    ),
    price: usdPerHour(Number(price)),
    available: true,
    reservationCapacity: reservation === undefined ? undefined : 1,
  }
}

export function testType(
  name: string,
  o: {
    readonly capacity?: ResourceList
    readonly offerings?: readonly string[]
    readonly labels?: Labels
  } = {},
): InstanceType {
  const offerings = (o.offerings ?? ['a/on-demand', 'b/on-demand', 'c/on-demand']).map(testOffering)
  const values = (key: string): string[] => [...new Set(offerings.flatMap((one) => one.requirements.get(key).values))]
  const reservations = values(reservationLabel)
  return {
    name,
    requirements: Requirements.of(
      requirement(labelKeys.instanceType, 'In', [name]),
      requirement(labelKeys.zone, 'In', values(labelKeys.zone)),
      requirement(labelKeys.capacityType, 'In', values(labelKeys.capacityType)),
      requirement(reservationLabel, reservations.length > 0 ? 'In' : 'DoesNotExist', reservations),
      ...Object.entries(o.labels ?? {}).map(([key, value]) => requirement(key, 'In', [value])),
    ),
    offerings,
    capacity: { cpu: '4', memory: '8Gi', pods: '10', ...o.capacity },
  }
}

export function testPool(
  name: string,
  o: Partial<Omit<ProvisioningPool, 'name' | 'requirements'>> & { readonly requirements?: readonly Requirement[] } = {},
): ProvisioningPool {
  return { instanceTypes: [testType('medium')], ...o, name, requirements: Requirements.of(...(o.requirements ?? [])) }
}
