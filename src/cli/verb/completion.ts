// punnet completion: the script that teaches a shell punnet's words; it asks `punnet __complete` at every tab.

import type { Flag } from '../flag.ts';
import type { Run } from '../verb.ts';

export const flags: Flag[] = [];

export const examples = ['source <(punnet completion bash)', 'punnet completion fish | source'];

const SCRIPTS: Record<string, string> = {
  bash: `_punnet() {
  local cur=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(punnet __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  type __ltrim_colon_completions >/dev/null 2>&1 && __ltrim_colon_completions "$cur"
}
complete -o default -F _punnet punnet
`,
  zsh: `#compdef punnet
_punnet() {
  local -a found
  found=("\${(@f)$(punnet __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -- $found || _files
}
compdef _punnet punnet
`,
  fish: `function __punnet_complete
  set -l words (commandline -opc) (commandline -ct)
  punnet __complete -- $words[2..-1] 2>/dev/null
end
complete -c punnet -f -a '(__punnet_complete)'
`,
};

export const run: Run = async (context, { positional: [shell = ''] }) => {
  const script = SCRIPTS[shell];
  if (script === undefined) throw new Error(`unknown shell ${JSON.stringify(shell)}: bash, zsh or fish`);
  context.out.write(script);
};
