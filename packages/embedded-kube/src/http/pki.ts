import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  AuthorityKeyIdentifierExtension,
  X509CertificateGenerator,
  type Extension,
  type JsonGeneralName,
  type X509Certificate,
} from '@peculiar/x509'

/** PEM texts. */
export interface KeyPairPem {
  readonly certificate: string
  readonly key: string
}

/** What an API server and its first user need: all PEM, so that it can be kept in files and used again. */
export interface Pki {
  readonly ca: KeyPairPem
  readonly server: KeyPairPem
  /** `O=system:masters, CN=kubernetes-admin`. */
  readonly admin: KeyPairPem
}

export interface PkiOptions {
  /** Names and addresses besides those that every cluster has. */
  readonly hosts?: readonly string[]
  readonly commonName?: string
  /** The first instant of validity; an hour before now when absent. */
  readonly notBefore?: Date
}

type KeyPair = webcrypto.CryptoKeyPair

cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0])

const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const years = 10

/** Makes a CA, and from it the server's and the administrator's certificates. */
export async function createPki(options: PkiOptions = {}): Promise<Pki> {
  const notBefore = options.notBefore ?? new Date(Date.now() - 3_600_000)
  const notAfter = new Date(notBefore)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years)
  const validity = { notBefore, notAfter }
  const [caKeys, serverKeys, adminKeys] = await Promise.all([newKeys(), newKeys(), newKeys()])
  const caKeyId = await SubjectKeyIdentifierExtension.create(caKeys.publicKey)
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${options.commonName ?? 'plimsoll'}`,
    ...validity,
    signingAlgorithm: curve,
    keys: caKeys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
      caKeyId,
    ],
  })
  const issue = async (subject: string, keys: KeyPair, extensions: Extension[]): Promise<X509Certificate> =>
    X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject,
      issuer: ca.subject,
      ...validity,
      signingAlgorithm: curve,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
        await AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
        ...extensions,
      ],
    })
  const server = await issue('CN=kube-apiserver', serverKeys, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(alternativeNames(options.hosts ?? [])),
  ])
  const admin = await issue('O=system:masters, CN=kubernetes-admin', adminKeys, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
  ])
  return {
    ca: await pem(ca, caKeys),
    server: await pem(server, serverKeys),
    admin: await pem(admin, adminKeys),
  }
}

const everyClusterHosts = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  '127.0.0.1',
  '::1',
  '10.100.0.1',
]

function alternativeNames(hosts: readonly string[]): JsonGeneralName[] {
  return [...new Set([...everyClusterHosts, ...hosts])].map((value) => ({
    type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns',
    value,
  }))
}

function newKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(curve, true, ['sign', 'verify'])
}

function newSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(15))
  return `01${Buffer.from(bytes).toString('hex')}`
}

async function pem(certificate: X509Certificate, keys: KeyPair): Promise<KeyPairPem> {
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  }
}
