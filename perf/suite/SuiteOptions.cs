using Tempo.Perf.Load.Verbs;
using Tempo.Perf.Suite.Asked;

namespace Tempo.Perf.Suite;

/// <summary>The options, checked.</summary>
internal sealed record SuiteOptions
{
    /// <summary>Opens ours: a new process, or the one that is there.</summary>
    public required Func<TestedServer> Ours { get; init; }

    /// <summary>Opens the peer; null: there is none.</summary>
    public required Func<TestedServer>? Peer { get; init; }

    /// <summary>Ours, if the suite starts it.</summary>
    public required string? Binary { get; init; }

    /// <summary>Of the load whose blocks are compacted; 0: none.</summary>
    public required double CompactionSeconds { get; init; }

    public required bool HasKernels { get; init; }

    public required int Rounds { get; init; }
    public required double Seconds { get; init; }
    public required double SteadySeconds { get; init; }
    public required int SteadyRate { get; init; }
    public required int SpanCount { get; init; }
    public required double QuerySeconds { get; init; }
    public required string OutFolder { get; init; }
    public required string? HistoryPath { get; init; }

    private const string DefaultBinary = "artifacts/tempo/tempo";

    public static SuiteOptions Read(OptionReader options)
    {
        string? binary = options.Peek("--target") is null ? options.Peek("--binary") ?? DefaultBinary : null;
        Func<TestedServer>? ours = ReadServer(options, "ours", "--target", "--binary", "--target-", "--"),
            peer = ReadServer(options, "peer", "--peer", "--peer-binary", "--peer-", "--peer-");
        if (ours is null && !File.Exists(DefaultBinary))
            throw new OptionException($"there is no {DefaultBinary}: ./build.ps1 publish makes it");
        var suite = new SuiteOptions
        {
            Ours = ours ?? (static () => TestedServer.Start("ours", DefaultBinary)),
            Peer = peer,
            Binary = binary,
            CompactionSeconds = options.Real("--compaction-seconds", 3, 0, 3600),
            HasKernels = !options.Flag("--no-kernels"),
            Rounds = options.Int("--rounds", 5, 1, 99),
            Seconds = options.Real("--seconds", 8, 0, 3600),
            SteadySeconds = options.Real("--steady-seconds", 30, 0, 86_400),
            SteadyRate = options.Int("--steady-rate", 10_000, 1, 100_000_000),
            SpanCount = options.Int("--spans", 100_000, 0, 10_000_000),
            QuerySeconds = options.Real("--query-seconds", 0.3, 0, 3600),
            OutFolder = options.Text("--out") ?? "perf/results/local",
            HistoryPath = options.Text("--history"),
        };
        options.ExpectEnd();
        return suite;
    }

    private static Func<TestedServer>? ReadServer(
        OptionReader options, string name, string addressOption, string binaryOption, string otlpPrefix, string localPrefix)
    {
        string? address = options.Text(addressOption), binary = options.Text(binaryOption);
        string? grpc = options.Text(otlpPrefix + "otlp"), http = options.Text(otlpPrefix + "otlp-http"),
            dataFolder = options.Text(localPrefix + "data-dir");
        int pid = options.Int(localPrefix + "pid", 0, 0, int.MaxValue);
        if (address is null)
        {
            if ((grpc ?? http ?? dataFolder) is not null || pid != 0)
                throw new OptionException($"{otlpPrefix}otlp, {localPrefix}pid and {localPrefix}data-dir go with {addressOption}.");
            if (binary is not null && !File.Exists(binary)) throw new OptionException($"{binaryOption}: there is no {binary}.");
            return binary is null ? null : () => TestedServer.Start(name, binary);
        }

        if (binary is not null) throw new OptionException($"either {addressOption} or {binaryOption}.");
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? api) || api.Scheme is not ("http" or "https"))
            throw new OptionException($"{addressOption} is '{address}', which is no http:// address.");
        if ((grpc ?? http) is null)
            throw new OptionException($"{addressOption} needs {otlpPrefix}otlp host:port or {otlpPrefix}otlp-http host:port.");
        return () => new TestedServer(name, api, grpc, http, pid == 0 ? null : pid, dataFolder);
    }
}
