// Questions about users and permissions (kubernetes/kubernetes:pkg/registry/{authorization,authentication}).
import { apiVersionOf, timestamp, type Ms } from '@plimsoll/model'
import { badRequest, failure, invalidValue, type FieldError } from '../errors.ts'
import { fieldsOf, isFields, textOf, type Fields, type ObjectInput, type StoredObject } from '../object.ts'
import type { ResourceInfo } from '../resource-info.ts'
import type { RequestContext, UserInfo } from '../request.ts'
import { joinedErrors, type Authorizer, type Decision } from './authorizer.ts'

/** Whose token it is and for whom it is meant; text says why nobody's. */
export type TokenOwner = { readonly user: UserInfo; readonly audiences: readonly string[] } | string

export interface ReviewSources {
  readonly now: Ms
  /** Of the path. */
  readonly namespace: string | undefined
  readonly authorizer: Authorizer | undefined
  /** Empty audiences: the server's own. */
  readonly tokenOwner: (token: string, audiences: readonly string[]) => TokenOwner
}

/**
 * Answers a TokenReview, SelfSubjectReview, SubjectAccessReview and their kin: the question with its status.
 * @throws {KubeError} badRequest, invalid
 */
export function review(
  info: ResourceInfo,
  context: RequestContext,
  question: ObjectInput,
  sources: ReviewSources,
): StoredObject {
  const type = { kind: info.kind, apiVersion: apiVersionOf(info) }
  const spec = fieldsOf(question['spec'])
  const answer = (metadata: Fields, status: Fields, asked?: Fields): StoredObject =>
    ({ ...type, metadata, ...(asked === undefined ? {} : { spec: asked }), status }) as unknown as StoredObject
  switch (info.plural) {
    case 'selfsubjectreviews':
      return answer({ creationTimestamp: timestamp(sources.now) }, { userInfo: userFields(context.user) })
    case 'tokenreviews':
      return answer({ ...question.metadata }, tokenStatus(spec, sources), spec)
    case 'selfsubjectrulesreviews':
      return answer({}, rulesStatus(context.user, spec, sources.authorizer), {})
    default: {
      const local = info.plural === 'localsubjectaccessreviews'
      const self = info.plural === 'selfsubjectaccessreviews'
      const namespace = sources.namespace ?? ''
      const metadata = { ...question.metadata, ...(local ? { namespace } : {}) }
      const errors = accessErrors(spec, { self, metadata, local: local ? namespace : undefined })
      if (errors.length > 0) throw unnamedInvalid(errors)
      return answer(metadata, accessStatus(self ? context.user : userOf(spec), spec, sources.authorizer), spec)
    }
  }
}

function accessErrors(
  spec: Fields,
  asked: { readonly self: boolean; readonly metadata: Fields; readonly local: string | undefined },
): FieldError[] {
  const resource = spec['resourceAttributes'] ?? undefined
  const path = spec['nonResourceAttributes'] ?? undefined
  const errors: FieldError[] = []
  if (resource !== undefined && path !== undefined) {
    const why = 'cannot be specified in combination with resourceAttributes'
    errors.push(invalidValue('spec.nonResourceAttributes', path, why))
  }
  if (resource === undefined && path === undefined) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    errors.push(invalidValue('spec.resourceAttributes', undefined, why))
  }
  const groups = spec['groups']
  if (!asked.self && textOf(spec['user']) === '' && !(Array.isArray(groups) && groups.length > 0)) {
    errors.push(invalidValue('spec.user', '', 'at least one of user or group must be specified'))
  }
  const { managedFields: _m, creationTimestamp: _c, ...meta } = asked.metadata
  const { namespace: _n, ...rest } = meta
  if (Object.keys(asked.local === undefined ? meta : rest).length > 0) {
    const why = asked.local === undefined ? 'must be empty' : 'must be empty except for namespace'
    errors.push(invalidValue('metadata', meta, why))
  }
  if (asked.local === undefined) return errors
  const namespace = textOf(fieldsOf(resource)['namespace'])
  if (resource !== undefined && namespace !== asked.local) {
    errors.push(invalidValue('spec.resourceAttributes.namespace', namespace, 'must match metadata.namespace'))
  }
  if (path !== undefined) {
    errors.push(invalidValue('spec.nonResourceAttributes', path, 'disallowed on this kind of request'))
  }
  return errors
}

/** 422 without the kind, which upstream does not know at this point. */
function unnamedInvalid(errors: readonly FieldError[]): Error {
  const group = 'authorization.k8s.io'
  const texts = errors.map(({ field, message }) => `${field}: ${message}`)
  const message = `.${group} "" is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`
  return failure('invalid', message, {
    group,
    causes: errors.map(({ reason, message: text, field }) => ({ reason, message: text, field })),
  })
}

function accessStatus(user: UserInfo, spec: Fields, authorizer: Authorizer | undefined): Fields {
  const { allowed, reason } = authorizer === undefined ? everything : decisionOn(user, spec, authorizer)
  return { allowed, ...(reason === '' ? {} : { reason }) }
}

const everything: Decision = { allowed: true, reason: '' }

function decisionOn(user: UserInfo, spec: Fields, authorizer: Authorizer): Decision {
  if (!isFields(spec['resourceAttributes'])) {
    const { path, verb } = fieldsOf(spec['nonResourceAttributes'])
    return authorizer.path(user, textOf(verb), textOf(path))
  }
  const asked = (name: string): string => textOf(fieldsOf(spec['resourceAttributes'])[name])
  const subresource = asked('subresource')
  return authorizer.resource(user, {
    verb: asked('verb'),
    group: asked('group'),
    version: asked('version') === '' ? '*' : asked('version'),
    resource: asked('resource'),
    ...(subresource === '' ? {} : { subresource }),
    namespace: asked('namespace'),
    name: asked('name'),
  })
}

function userOf(spec: Fields): UserInfo {
  const groups = Array.isArray(spec['groups']) ? (spec['groups'] as readonly string[]) : []
  return { name: textOf(spec['user']), groups, uid: textOf(spec['uid']) }
}

function rulesStatus(user: UserInfo, spec: Fields, authorizer: Authorizer | undefined): Fields {
  const namespace = textOf(spec['namespace'])
  if (namespace === '') throw badRequest('no namespace on request')
  if (authorizer === undefined) {
    return {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    }
  }
  const { rules, errors } = authorizer.rulesOf(user, namespace)
  return {
    resourceRules: rules
      .filter(({ resources }) => (resources ?? []).length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...((resourceNames ?? []).length === 0 ? {} : { resourceNames }),
      })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => (nonResourceURLs ?? []).length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
    ...(errors.length === 0 ? {} : { evaluationError: joinedErrors(errors) }),
  }
}

function tokenStatus(spec: Fields, { tokenOwner }: ReviewSources): Fields {
  const token = textOf(spec['token'])
  if (token === '') throw badRequest('token is required for TokenReview in authentication')
  const owner = tokenOwner(token, Array.isArray(spec['audiences']) ? (spec['audiences'] as readonly string[]) : [])
  if (typeof owner === 'string') return { user: {}, error: owner }
  return { authenticated: true, user: userFields(owner.user), audiences: owner.audiences }
}

function userFields(user: UserInfo): Fields {
  const { name, uid = '', groups, extra = {} } = user
  return {
    username: name,
    ...(uid === '' ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  }
}
