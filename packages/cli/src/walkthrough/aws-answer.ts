// The AWS CLI's part of a step on a machine without it: the call in process, the query by JMESPath.
import { search, type JSONValue } from '@jmespath-community/jmespath'
import type { AwsApi } from '@plimsoll/ports'
import type { Session } from './session.ts'
import type { AwsQuestion } from './step.ts'

/** What is printed, as JSON, or the bare text where the answer is one. */
export async function answer(
  question: AwsQuestion,
  aws: AwsApi,
  environment: { readonly [variable: string]: string | undefined },
  session: Session,
): Promise<string> {
  const output = JSON.parse(
    JSON.stringify(await question.ask(aws, { ...environment, ...session.assigned })),
  ) as JSONValue
  const result = question.query === undefined ? output : search(output, question.query)
  const text = typeof result === 'string' ? result : JSON.stringify(result)
  if (question.assigns !== undefined) session.assign(question.assigns, text)
  return `${text}\n`
}
