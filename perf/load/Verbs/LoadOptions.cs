using System.Globalization;
using Tempo.Perf.Load.Transport;

namespace Tempo.Perf.Load.Verbs;

/// <summary>The options of <c>run</c>, checked.</summary>
internal sealed record LoadOptions
{
    public const string Usage = """
        tempo-load [run] --grpc host:port | --http host:port [options]    send traffic, print the figures as JSON
          --rate N               spans a second on an open schedule; 0, the default: as many as the server takes
          --seconds N            default 10
          --connections N        default 2
          --inflight N           open requests a connection, gRPC only; default 4
          --spans-per-request N  default 100
          --templates N          different request shapes, default 64
          --seed N               of the shapes, default 1; ids and times are always fresh
          --tenant name          X-Scope-OrgID
          --gzip                 compress each request (costs the tool far more than all the rest)
          --max-frame N          largest HTTP/2 DATA frame to send, default 16384 as other gRPC clients do
          --pid N                the server's process: CPU seconds, memory
          --data-dir folder      the server's data: bytes a span
          --flush url            POST there after the load and count the server's work until it answers
          --rest-seconds N       then wait, at most so long, until the server is idle; default 0
          --ledger file          trace ids of all acknowledged requests, with their span counts
          --json file            also write the report there
        tempo-load trace [--binary artifacts/tempo/tempo] [--spans 10000] [--rounds 20] [--anew] [--only protobuf]
        tempo-load neighbours [--binary artifacts/tempo/tempo] [--spans 200000] [--questions 300] [--clients 8] [--cancels 50]
        tempo-load overload [--binary artifacts/tempo/tempo] [--minutes 3] [--senders 500] [--times 5] [--impatient] [--only grpc|http] [--memory-mib 512] [--warm-seconds 60]
        tempo-load flame --stacks file --out file.svg [--title text]    a flame graph of what perf script -F comm,ip,sym printed
        tempo-load durability [--binary artifacts/tempo/tempo] [--rounds 3] [--seconds 8]
        tempo-load hostile [--binary artifacts/tempo/tempo] [--connections 10000] [--abuses-per-second 500] [--rounds 3] [--seconds 5]
        tempo-load extremes [--binary artifacts/tempo/tempo] [--values 10000000] [--tenants 1000000] [--attribute-mb 10]
        tempo-load generate --out file [--requests 200] [--spans-per-request 100] [--templates 64] [--seed 1] [--start-unix-seconds N]
        """;

    public required ExportTarget Target { get; init; }
    public required double SpansPerSecond { get; init; }
    public required double Seconds { get; init; }
    public required int ConnectionCount { get; init; }
    public required int Inflight { get; init; }
    public required int SpansPerRequest { get; init; }
    public required int TemplateCount { get; init; }
    public required ulong Seed { get; init; }
    public required int? ServerPid { get; init; }
    public required string? DataFolder { get; init; }
    public required Uri? FlushAddress { get; init; }
    public required double RestSeconds { get; init; }
    public required string? LedgerPath { get; init; }
    public required string? JsonPath { get; init; }

    public static LoadOptions Read(OptionReader options)
    {
        ExportTarget target = ReadTarget(options);
        int inflight = options.Int("--inflight", target.IsGrpc ? 4 : 1, 1, 1024);
        if (!target.IsGrpc && inflight != 1)
            throw new OptionException("--inflight is for gRPC: an HTTP/1.1 connection carries one request at a time; raise --connections.");
        string? flush = options.Text("--flush");
        if (flush is not null && !Uri.IsWellFormedUriString(flush, UriKind.Absolute))
            throw new OptionException($"--flush is '{flush}', which is no absolute URL.");
        string? pid = options.Text("--pid");
        int serverPid = 0;
        if (pid is not null && !int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out serverPid))
            throw new OptionException($"--pid is '{pid}', which is no process id.");
        var load = new LoadOptions
        {
            Target = target,
            SpansPerSecond = options.Real("--rate", 0, 0, 1e9),
            Seconds = options.Real("--seconds", 10, 0.01, 1e6),
            ConnectionCount = options.Int("--connections", 2, 1, 1024),
            Inflight = inflight,
            SpansPerRequest = options.Int("--spans-per-request", 100, 1, 20_000),
            TemplateCount = options.Int("--templates", 64, 1, 4096),
            Seed = (ulong)options.Long("--seed", 1, 0, long.MaxValue),
            ServerPid = pid is null ? null : serverPid,
            DataFolder = options.Text("--data-dir"),
            FlushAddress = flush is null ? null : new Uri(flush),
            RestSeconds = options.Real("--rest-seconds", 0, 0, 3600),
            LedgerPath = options.Text("--ledger"),
            JsonPath = options.Text("--json"),
        };
        options.ExpectEnd();
        return load;
    }

    private static ExportTarget ReadTarget(OptionReader options)
    {
        string? grpc = options.Text("--grpc");
        string? http = options.Text("--http");
        if (grpc is null == http is null) throw new OptionException("Say where to send: either --grpc host:port or --http host:port.");
        string address = (grpc ?? http)!;
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            throw new OptionException($"'{address}' is not host:port.");
        int maxFrameBytes = options.Int("--max-frame", 16_384, 16_384, 16_777_215);
        return new ExportTarget(
            address[..colon].Trim('[', ']'), port, grpc is not null, options.Text("--tenant"), options.Flag("--gzip"), maxFrameBytes);
    }
}
