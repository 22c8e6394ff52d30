import { own } from '@plimsoll/model'

/** Zone letters and the prefix of zone ids of the regions that have been looked up; the order gives the id's number. */
const zonesOfRegion: { readonly [region: string]: { readonly prefix: string; readonly letters: string } } = {
  'us-east-1': { prefix: 'use1', letters: 'abcdef' },
  'us-east-2': { prefix: 'use2', letters: 'abc' },
  'us-west-1': { prefix: 'usw1', letters: 'ab' },
  'us-west-2': { prefix: 'usw2', letters: 'abcd' },
  'ca-central-1': { prefix: 'cac1', letters: 'abd' },
  'sa-east-1': { prefix: 'sae1', letters: 'abc' },
  'eu-central-1': { prefix: 'euc1', letters: 'abc' },
  'eu-north-1': { prefix: 'eun1', letters: 'abc' },
  'eu-west-1': { prefix: 'euw1', letters: 'abc' },
  'eu-west-2': { prefix: 'euw2', letters: 'abc' },
  'eu-west-3': { prefix: 'euw3', letters: 'abc' },
  'ap-northeast-1': { prefix: 'apne1', letters: 'acd' },
  'ap-northeast-2': { prefix: 'apne2', letters: 'abcd' },
  'ap-northeast-3': { prefix: 'apne3', letters: 'abc' },
  'ap-south-1': { prefix: 'aps1', letters: 'abc' },
  'ap-southeast-1': { prefix: 'apse1', letters: 'abc' },
  'ap-southeast-2': { prefix: 'apse2', letters: 'abc' },
}

export const regionNames: readonly string[] = Object.keys(zonesOfRegion).toSorted()

export interface Zone {
  readonly name: string
  readonly id: string
}

/** In order of names. Regions not in the table have zones a, b and c. */
export function zonesOf(region: string): readonly Zone[] {
  const known = own(zonesOfRegion, region) ?? { prefix: region.replaceAll('-', ''), letters: 'abc' }
  return known.letters.split('').map((letter, index) => ({
    name: `${region}${letter}`,
    id: `${known.prefix}-az${index + 1}`,
  }))
}

/** `ip-192-168-1-45.ap-northeast-2.compute.internal` */
export function privateDnsName(address: string, region: string): string {
  const domain = region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`
  return `ip-${address.replaceAll('.', '-')}.${domain}`
}

export function publicDnsName(address: string, region: string): string {
  const domain = region === 'us-east-1' ? 'compute-1.amazonaws.com' : `${region}.compute.amazonaws.com`
  return `ec2-${address.replaceAll('.', '-')}.${domain}`
}
