// Questions about users and permissions. Everyone may do everything here: --authorization-mode=AlwaysAllow.
import { apiVersionOf } from '@plimsoll/model'
import { fieldsOf, textOf, type Fields, type ObjectInput, type StoredObject } from './object.ts'
import type { ResourceInfo } from './registry.ts'
import type { RequestContext, UserInfo } from './request.ts'

/** Answers a TokenReview, SelfSubjectReview, SubjectAccessReview and their kin: the question with its status. */
export function review(
  info: ResourceInfo,
  context: RequestContext,
  question: ObjectInput,
  authenticate: (token: string) => UserInfo | undefined,
): StoredObject {
  return {
    kind: info.kind,
    apiVersion: apiVersionOf(info),
    metadata: { ...question.metadata, creationTimestamp: null },
    ...(question['spec'] === undefined ? {} : { spec: question['spec'] }),
    status: statusOf(info, context, question, authenticate),
  } as unknown as StoredObject
}

function statusOf(
  info: ResourceInfo,
  context: RequestContext,
  question: ObjectInput,
  authenticate: (token: string) => UserInfo | undefined,
): Fields {
  switch (info.plural) {
    case 'selfsubjectreviews':
      return { userInfo: userFields(context.user) }
    case 'tokenreviews': {
      const user = authenticate(textOf(fieldsOf(question['spec'])['token']))
      return user === undefined ? { authenticated: false, user: {} } : { authenticated: true, user: userFields(user) }
    }
    case 'selfsubjectrulesreviews':
      return {
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        incomplete: false,
      }
    default:
      return { allowed: true }
  }
}

function userFields(user: UserInfo): Fields {
  return { username: user.name, uid: user.uid, groups: user.groups, extra: user.extra }
}
