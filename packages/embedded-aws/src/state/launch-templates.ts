import type * as Ec2 from '@aws-sdk/client-ec2'
import type { Clock } from '@plimsoll/ports'
import { failure } from './failure.ts'
import type { Ids } from './ids.ts'
import { mergeTags, type Tag } from './tags.ts'

const userDataBytesMax = 16_384

export interface LaunchTemplateRef {
  readonly LaunchTemplateId?: string | undefined
  readonly LaunchTemplateName?: string | undefined
  readonly Version?: string | undefined
}

/** A template with its versions by number. */
export interface LaunchTemplateEntry {
  template: Ec2.LaunchTemplate
  readonly versions: Map<number, Ec2.LaunchTemplateVersion>
}

/** Launch templates. A version never changes; `$Default` is a pointer, `$Latest` is looked up when used. */
export class LaunchTemplates {
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #creator: string
  /** By id; only this class writes to it. */
  readonly entries: Map<string, LaunchTemplateEntry> = new Map()

  constructor(o: { readonly clock: Clock; readonly ids: Ids; readonly accountId: string }) {
    this.#clock = o.clock
    this.#ids = o.ids
    this.#creator = `arn:aws:iam::${o.accountId}:root`
  }

  create(o: {
    readonly name: string
    readonly data: Ec2.RequestLaunchTemplateData
    readonly description?: string | undefined
    readonly tags?: readonly Tag[]
  }): Ec2.LaunchTemplate {
    if (this.#find({ LaunchTemplateName: o.name }) !== undefined)
      throw failure('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.')
    const id = this.#ids.resource('lt')
    const entry: LaunchTemplateEntry = {
      template: {
        LaunchTemplateId: id,
        LaunchTemplateName: o.name,
        CreateTime: new Date(this.#clock.now()),
        CreatedBy: this.#creator,
        DefaultVersionNumber: 1,
        LatestVersionNumber: 1,
        Tags: mergeTags(o.tags ?? []),
      },
      versions: new Map(),
    }
    const version = this.#version(entry, 1, o.data, o.description)
    this.entries.set(id, entry)
    entry.versions.set(1, version)
    return entry.template
  }

  createVersion(
    ref: LaunchTemplateRef,
    o: {
      readonly data: Ec2.RequestLaunchTemplateData
      readonly source?: string | undefined
      readonly description?: string | undefined
    },
  ): Ec2.LaunchTemplateVersion {
    const entry = this.#entry(ref)
    const base = o.source === undefined ? {} : this.version({ ...ref, Version: o.source }).LaunchTemplateData!
    const number = entry.template.LatestVersionNumber! + 1
    const version = this.#version(
      entry,
      number,
      { ...(base as Ec2.RequestLaunchTemplateData), ...o.data },
      o.description,
    )
    entry.versions.set(number, version)
    entry.template = { ...entry.template, LatestVersionNumber: number }
    return version
  }

  setDefault(ref: LaunchTemplateRef, version: string): Ec2.LaunchTemplate {
    const entry = this.#entry(ref)
    const number = this.version({ ...ref, Version: version }).VersionNumber!
    entry.template = { ...entry.template, DefaultVersionNumber: number }
    return entry.template
  }

  delete(ref: LaunchTemplateRef): Ec2.LaunchTemplate {
    const { template } = this.#entry(ref)
    this.entries.delete(template.LaunchTemplateId!)
    return template
  }

  all(): readonly Ec2.LaunchTemplate[] {
    return [...this.entries.values()].map((entry) => entry.template)
  }

  byId(id: string): Ec2.LaunchTemplate | undefined {
    return this.entries.get(id)?.template
  }

  setTags(id: string, tags: readonly Tag[]): void {
    const entry = this.entries.get(id)!
    entry.template = { ...entry.template, Tags: [...tags] as Ec2.Tag[] }
  }

  /** @throws InvalidLaunchTemplateId.NotFound, InvalidLaunchTemplateName.NotFoundException */
  template(ref: LaunchTemplateRef): Ec2.LaunchTemplate {
    return this.#entry(ref).template
  }

  versions(ref: LaunchTemplateRef): readonly Ec2.LaunchTemplateVersion[] {
    const { versions, template } = this.#entry(ref)
    return [...versions.values()].map((version) => withDefault(version, template))
  }

  /** The version that `$Latest`, `$Default` (also when absent) or a number means. */
  version(ref: LaunchTemplateRef): Ec2.LaunchTemplateVersion {
    const { template, versions } = this.#entry(ref)
    const wanted = ref.Version ?? '$Default'
    const number =
      wanted === '$Latest'
        ? template.LatestVersionNumber!
        : wanted === '$Default'
          ? template.DefaultVersionNumber!
          : Number(wanted)
    const version = versions.get(number)
    if (version === undefined)
      throw failure(
        'InvalidLaunchTemplateId.VersionNotFound',
        `Could not find launch template version ${wanted} for launch template ${template.LaunchTemplateId}`,
      )
    return withDefault(version, template)
  }

  #version(
    entry: LaunchTemplateEntry,
    number: number,
    data: Ec2.RequestLaunchTemplateData,
    description: string | undefined,
  ): Ec2.LaunchTemplateVersion {
    if (data.UserData !== undefined && decodedLength(data.UserData) > userDataBytesMax)
      throw failure('InvalidUserData.Malformed', `User data is limited to ${userDataBytesMax} bytes`)
    return {
      LaunchTemplateId: entry.template.LaunchTemplateId,
      LaunchTemplateName: entry.template.LaunchTemplateName,
      VersionNumber: number,
      ...(description === undefined ? {} : { VersionDescription: description }),
      CreateTime: new Date(this.#clock.now()),
      CreatedBy: this.#creator,
      DefaultVersion: number === entry.template.DefaultVersionNumber,
      // Request and response differ in nothing that we read or change.
      LaunchTemplateData: data as Ec2.ResponseLaunchTemplateData,
    }
  }

  #find(ref: LaunchTemplateRef): LaunchTemplateEntry | undefined {
    if (ref.LaunchTemplateId !== undefined) return this.entries.get(ref.LaunchTemplateId)
    for (const entry of this.entries.values())
      if (entry.template.LaunchTemplateName === ref.LaunchTemplateName) return entry
    return undefined
  }

  #entry(ref: LaunchTemplateRef): LaunchTemplateEntry {
    if (ref.LaunchTemplateId === undefined && ref.LaunchTemplateName === undefined)
      throw failure(
        'MissingParameter',
        'Either a launch template ID or a launch template name must be specified in the request.',
      )
    const entry = this.#find(ref)
    if (entry !== undefined) return entry
    if (ref.LaunchTemplateId !== undefined)
      throw failure(
        'InvalidLaunchTemplateId.NotFound',
        `The specified launch template, with template ID ${ref.LaunchTemplateId}, does not exist.`,
      )
    throw failure(
      'InvalidLaunchTemplateName.NotFoundException',
      'At least one of the launch templates specified in the request does not exist.',
    )
  }
}

function withDefault(version: Ec2.LaunchTemplateVersion, template: Ec2.LaunchTemplate): Ec2.LaunchTemplateVersion {
  const isDefault = version.VersionNumber === template.DefaultVersionNumber
  return version.DefaultVersion === isDefault ? version : { ...version, DefaultVersion: isDefault }
}

function decodedLength(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4)
}
