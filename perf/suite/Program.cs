using System.Net.Sockets;
using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Suite;

const string Usage = """
    tempo-suite [options]    the demo load and the queries of perf/load, on a server and, by turns in the same run, on a peer; checks every
                             answer; prints a Markdown table; the exit code is 1 if an answer was wrong, whatever the times
      --binary file          ours, started anew for each scenario; default artifacts/tempo/tempo
      --target http://h:p    ours is there already, with --target-otlp h:p (gRPC), --target-otlp-http h:p, --pid N, --data-dir folder
      --peer-binary file     the peer is another tempo, started likewise
      --peer http://h:p      the peer is any server with OTLP and the Tempo API, with --peer-otlp, --peer-otlp-http, --peer-pid, --peer-data-dir
      --rounds N             default 5
      --seconds N            of a load as fast as it takes, default 8; 0: none
      --steady-seconds N     of the load at --steady-rate (default 10000 spans a second), default 30; 0: none
      --spans N              that the queries are about, default 100000; 0: no queries
      --query-seconds N      of one query in a round, default 0.3
      --compaction-seconds N of a load whose blocks are then compacted until nothing is left to, default 3; 0: none; only where the suite starts ours
      --no-kernels           leaves out the vector kernels (perf/micro), which run from the sources
      --out folder           suite.md, goals.md (the table of goals as the README has it), suite.json, history.svg and the raw reports of each load; default perf/results/local
      --history file         adds the medians as a line there and draws the picture from all its lines
    Nobody else may send to the servers meanwhile: spans are counted. Without --pid times are those of the clock.
    """;

var options = new OptionReader(args);
if (options.Flag("--help"))
{
    Console.WriteLine(Usage);
    return 0;
}

try
{
    return Suite.Run(SuiteOptions.Read(options));
}
catch (OptionException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}
catch (Exception e) when (e is IOException or SocketException)
{
    Console.Error.WriteLine($"suite: {e.Message}");
    return 1;
}
