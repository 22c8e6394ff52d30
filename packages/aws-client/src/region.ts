/** What asks for the region of the shared config file; the SDK's own clients have it. @throws when it names none */
export type ConfiguredRegion = () => Promise<string>

type Environment = { readonly [name: string]: string | undefined }

/**
 * The region in the order of aws-sdk-go-v2: AWS_REGION, AWS_DEFAULT_REGION, the profile, the instance's metadata.
 * @throws Error in one line naming the places looked at
 */
export async function findRegion(
  configured: ConfiguredRegion,
  environment: Environment = process.env,
): Promise<string> {
  const named = environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']
  if (named) return named
  const profile = await configured().catch(() => '')
  if (profile !== '') return profile
  const instance = await instanceRegion(environment)
  if (instance !== undefined) return instance
  throw new Error(
    'no AWS region: set AWS_REGION (also looked at AWS_DEFAULT_REGION, the profile in ~/.aws/config and instance metadata)',
  )
}

const metadataTimeoutMs = 1000

/** By IMDSv2; undefined where nothing answers. */
async function instanceRegion(environment: Environment): Promise<string | undefined> {
  if (environment['AWS_EC2_METADATA_DISABLED'] === 'true') return undefined
  const base = (environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || 'http://169.254.169.254').replace(/\/$/, '')
  const ask = async (method: string, path: string, headers: Record<string, string>): Promise<string> => {
    const response = await fetch(base + path, { method, headers, signal: AbortSignal.timeout(metadataTimeoutMs) })
    if (!response.ok) throw new Error(`instance metadata: ${response.status}`)
    return response.text()
  }
  try {
    const token = await ask('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' })
    return await ask('GET', '/latest/meta-data/placement/region', { 'x-aws-ec2-metadata-token': token })
  } catch {
    return undefined
  }
}
