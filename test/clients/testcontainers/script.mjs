// What a test suite does with testcontainers, against the engine of DOCKER_HOST: mapped ports, wait strategies, a network with
// aliases, copies, exec, logs, restarts. Prints one JSON object for test/verb/testcontainers.test.ts, which judges it.
// `node script.mjs IMAGE`

import { GenericContainer, Network, Wait } from 'testcontainers';

const image = process.argv[2];
const said = {};
const all = [];
const started = (one) => (all.unshift(one), one);
const text = async (stream) => {
  let whole = '';
  for await (const chunk of stream) whole += chunk.toString();
  return whole;
};
const get = async (container, path) => {
  const response = await fetch(`http://${container.getHost()}:${container.getMappedPort(8080)}${path}`);
  return `${response.status} ${(await response.text()).trim()}`;
};
const server = (page) => [
  'sh',
  '-c',
  `mkdir -p /www && echo ${page} > /www/index.html && echo serving ${page} && exec httpd -f -vv -p 8080 -h /www`,
];

const network = started(await new Network().start());
const web = started(
  await new GenericContainer(image)
    .withNetwork(network)
    .withNetworkAliases('web', 'shop')
    .withEnvironment({ COLOUR: 'green' })
    .withLabels({ purpose: 'test' })
    .withCopyContentToContainer([{ content: 'from content\n', target: '/www/content.txt', mode: 0o600 }])
    .withCopyFilesToContainer([{ source: process.argv[1], target: '/www/script.mjs' }])
    .withCommand(server('front'))
    .withExposedPorts(8080)
    .withWaitStrategy(
      Wait.forAll([Wait.forListeningPorts(), Wait.forHttp('/', 8080), Wait.forLogMessage('serving front')]),
    )
    .start(),
);

said.page = await get(web, '/');
said.content = await get(web, '/content.txt');
said.file = (await get(web, '/script.mjs')).includes('What a test suite does');
said.missing = (await get(web, '/nothing')).split(' ')[0];

const exec = await web.exec(['sh', '-c', 'echo out; echo err >&2; echo $COLOUR; exit 3']);
said.exec = { exitCode: exec.exitCode, stdout: exec.stdout, stderr: exec.stderr };
said.user = (await web.exec(['id', '-u'], { user: '1000' })).output.trim();
said.directory = (await web.exec(['pwd'], { workingDir: '/www' })).output.trim();

await web.copyContentToContainer([{ content: 'later\n', target: '/www/later.txt' }]);
said.later = await get(web, '/later.txt');
const archive = await web.copyArchiveFromContainer('/www/later.txt');
said.archived = (await text(archive)).includes('later\n');

const healthy = started(
  await new GenericContainer(image)
    .withNetwork(network)
    .withHealthCheck({
      test: ['CMD-SHELL', 'test -e /tmp/ready'],
      interval: 200,
      timeout: 5000,
      retries: 100,
      startPeriod: 0,
    })
    .withCommand(['sh', '-c', 'touch /tmp/ready; trap exit TERM; while :; do sleep 0.1; done'])
    .withWaitStrategy(Wait.forHealthCheck())
    .start(),
);
const names = await healthy.exec(['sh', '-c', 'wget -q -O - http://web:8080/ && wget -q -O - http://shop:8080/']);
said.aliases = names.output;
said.address = healthy.getIpAddress(network.getName()) !== web.getIpAddress(network.getName());

await web.restart();
said.restarted = await get(web, '/');

const once = started(
  await new GenericContainer(image)
    .withCommand(['sh', '-c', 'echo one; echo two >&2; sleep 0.2; echo three'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start(),
);
said.logs = (await text(await once.logs())).split('\n').filter(Boolean).sort();

const ran = started(
  await new GenericContainer(image)
    .withCommand(server('shell'))
    .withExposedPorts(8080)
    .withTmpFs({ '/scratch': 'rw,size=1m' })
    .withUlimits({ nofile: { soft: 100, hard: 100 } })
    .withWaitStrategy(Wait.forSuccessfulCommand('wget -q -O - http://127.0.0.1:8080/'))
    .start(),
);
said.limit = (
  await ran.exec(['sh', '-c', 'ulimit -n; df -m /scratch | tail -n 1 | tr -s " " | cut -d " " -f 2'])
).output.trim();
const committed = await ran.commit({ repo: 'punnet-tc', tag: 'kept', deleteOnExit: false });
said.committed = committed;

try {
  await new GenericContainer(image)
    .withCommand(['sh', '-c', 'echo failing; exit 7'])
    .withWaitStrategy(Wait.forLogMessage('never'))
    .withStartupTimeout(15_000)
    .start();
  said.failure = 'none';
} catch (error) {
  said.failure = String(error.message);
}

for (const one of all) await one.stop();
console.log(JSON.stringify(said));
