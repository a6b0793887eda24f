// punnet version: client and server. docker/cli: cli/command/system/version.go.

import manifest from '../../../package.json' with { type: 'json' };
import { Exit } from '../exit.ts';
import { objectFormat } from '../flag-sets.ts';
import type { Flag } from '../flag.ts';
import { layOut } from '../format/table.ts';
import { compileTemplate, type Template } from '../format/template.ts';
import { ansicTime } from '../format/text.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [objectFormat];

export const examples = ["punnet version -f '{{.Server.Version}}'"];

/** The newest version of the Engine API that this client speaks. */
export const API_VERSION = '1.51';

interface Component {
  Name: string;
  Version: string;
  Details?: Record<string, string>;
}

interface ServerVersion {
  Version: string;
  ApiVersion: string;
  Platform?: { Name?: string };
  Components?: Component[];
  [field: string]: unknown;
}

const TEMPLATE = `{{with .Client -}}
Client:
 Version:	{{.Version}}
 API version:	{{.ApiVersion}}
 Node version:	{{.NodeVersion}}
 OS/Arch:	{{.Os}}/{{.Arch}}
 Context:	{{.Context}}
{{- end}}

{{- if .Server}}{{with .Server}}

Server:{{if .Platform.Name}} {{.Platform.Name}}{{end}}
 {{- range $component := .Components}}
 {{$component.Name}}:
  {{- if eq $component.Name "Engine" }}
  Version:	{{.Version}}
  API version:	{{index .Details "ApiVersion"}} (minimum version {{index .Details "MinAPIVersion"}})
  {{- if index .Details "NodeVersion"}}
  Node version:	{{index .Details "NodeVersion"}}
  {{- end}}
  {{- if index .Details "GoVersion"}}
  Go version:	{{index .Details "GoVersion"}}
  {{- end}}
  Git commit:	{{index .Details "GitCommit"}}
  Built:	{{index .Details "BuildTime"}}
  OS/Arch:	{{index .Details "Os"}}/{{index .Details "Arch"}}
  Experimental:	{{index .Details "Experimental"}}
  {{- else }}
  Version:	{{$component.Version}}
  {{- range $key, $value := $component.Details}}
  {{$key}}:	{{$value}}
   {{- end}}
  {{- end}}
 {{- end}}
 {{- end}}{{- end}}`;

export const run: Run = async (context, { flags }) => {
  const format = flags.text('format');
  let template: Template;
  try {
    template = compileTemplate(format === '' ? TEMPLATE : format === 'json' ? '{{json .}}' : format, 'version');
  } catch (error) {
    throw new Exit(64, `template parsing error: ${(error as Error).message}`);
  }
  let server: ServerVersion | null = null;
  let failure: unknown;
  try {
    server = withEngine(await context.client.call<ServerVersion>('GET', '/version'));
  } catch (error) {
    failure = error;
  }
  const client = {
    Version: manifest.version,
    ApiVersion: API_VERSION,
    DefaultAPIVersion: API_VERSION,
    NodeVersion: process.version,
    Os: process.platform,
    Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    Context: 'default',
  };
  context.out.write(layOut(`${template.run({ Client: client, Server: server })}\n`, { minimum: 20, padding: 1 }));
  if (failure) throw failure;
};

/** Old daemons have no components; build times are shown as dates. */
function withEngine(server: ServerVersion): ServerVersion {
  const components = server.Components ?? [];
  if (!components.some(({ Name }) => Name === 'Engine')) {
    const names = ['ApiVersion', 'MinAPIVersion', 'GitCommit', 'GoVersion', 'Os', 'Arch', 'BuildTime', 'Experimental'];
    const Details = Object.fromEntries(names.map((name) => [name, String(server[name] ?? '')]));
    components.push({ Name: 'Engine', Version: server.Version, Details });
  }
  for (const { Name, Details } of components) {
    if (Name === 'Engine' && Details?.BuildTime) Details.BuildTime = ansicTime(Details.BuildTime);
  }
  return { ...server, Platform: server.Platform ?? {}, Components: components };
}
