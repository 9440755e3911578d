using System.Text.RegularExpressions;
using Tempo.Engine.ObjectStore.Tests.Stub;
using Tempo.SystemTests.Lifecycle;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture.Failpoints;

/// <summary>
/// A server of which every part has something to do: blocks go to an object service, are merged and deleted there, its tenant's index
/// is written, metrics of spans are queued and sent, a trace is deleted. One failpoint of it may be on.
/// </summary>
internal sealed partial class FailpointServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly S3Stub _s3 = new();
    private readonly WriteSink _sink = new();
    private readonly List<string> _deleted = [];
    private int _runs;

    public FailpointServer(ITestOutputHelper output, string fault)
    {
        Tempo = TempoProcess.Prepare(Settings());
        Check = new LedgerCheck(Tempo, Ledger);
        Rounds = new Rounds(fault, output);
    }

    public TempoProcess Tempo { get; }

    public Ledger Ledger { get; } = new();

    public LedgerCheck Check { get; }

    public Rounds Rounds { get; }

    /// <summary>For the next start: null for none.</summary>
    public string? Failpoint
    {
        set
        {
            Tempo.Flags = value is null ? [] : ["-failpoints.enabled"];
            Tempo.Variables["TEMPO_FAILPOINT"] = value ?? "";
        }
    }

    /// <summary>Starts, lives the script, and waits while <paramref name="goOn"/> says so and the server lives.</summary>
    /// <returns>True if the server lived to the end of it.</returns>
    public async Task<bool> LiveAsync(Func<Task<bool>> goOn)
    {
        Tempo.StartWithoutWaiting();
        if (!await Tempo.IsReadyUnlessItEndsAsync()) return false;
        // A deletion first: it meets blocks of the run before, and its own.
        return await new Script(Tempo, Ledger, $"run {_runs++}").RunAsync() && await DeleteATraceAsync() && await WaitAsync(goOn);
    }

    /// <summary>
    /// Ends at a moment that leaves something of everything: merged blocks whose inputs are still there, requests that are only in
    /// the log.
    /// </summary>
    public async Task LeaveWorkBehindAsync()
    {
        const string Name = "left behind";
        Failpoint = "compaction.swapped";
        for (var isLogged = false; !isLogged;)
        {
            Tempo.StartWithoutWaiting();
            try
            {
                using var client = new OtlpHttpClient(Tempo.OtlpHttpUrl);
                if (await Tempo.IsReadyUnlessItEndsAsync())
                {
                    for (var block = 0; block < 2; block++)
                    {
                        await Script.SendAsync(client, Ledger, Name);
                        await Tempo.Api.FlushAsync();
                    }

                    isLogged = await Script.SendAsync(client, Ledger, Name) == Outcome.Acknowledged;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                // The blocks were merged before the last request could be sent.
            }

            await KilledAsync();
        }
    }

    /// <summary>It ended by the failpoint, and not by itself.</summary>
    public async Task KilledAsync()
    {
        const int ByKill = 128 + 9;
        var code = await Tempo.EndedAsync();
        Assert.True(code == ByKill, $"it ended with {code}:\n{Tempo.Log}");
    }

    /// <summary>Starts again without any, and asks for everything.</summary>
    public async Task HealAsync()
    {
        Failpoint = null;
        await Rounds.StartAsync(Tempo);
        await Check.EverythingAsync();
        foreach (var id in _deleted) Assert.Empty(await Tempo.Api.FindTraceAsync(id));
        await Tempo.KillAsync();
    }

    /// <summary>Failpoints that were not reached since the start, as the page of a server says that counts.</summary>
    public async Task<string[]> UnreachedAsync()
    {
        var page = await Tempo.Api.AskAsync("/status");
        return [.. CountLine().Matches(page.Text).Where(static line => line.Groups[2].Value == "0")
            .Select(static line => line.Groups[1].Value)];
    }

    public async ValueTask DisposeAsync()
    {
        await Tempo.DisposeAsync();
        _s3.Dispose();
        _sink.Dispose();
    }

    [GeneratedRegex(@"^\| ([a-z_.]+) +\| (\d+) +\|", RegexOptions.Multiline)]
    private static partial Regex CountLine();

    // Not in the ledger: of its end only this is known, that after a 204 nobody is shown it.
    private async Task<bool> DeleteATraceAsync()
    {
        using var client = new OtlpHttpClient(Tempo.OtlpHttpUrl);
        var trace = Spans.NewTrace(3, "to be deleted");
        try
        {
            await client.PostAsync(ExportRequest.Encode(trace));
            await Tempo.Api.AskAsync("/flush", "POST");
            // A block of it has to be in the object service to be written again.
            for (var waited = 0; waited < 200 && !Tempo.HasEnded
                && Directory.EnumerateFiles(Tempo.BlocksFolder, "meta.json", SearchOption.AllDirectories).Any(); waited++)
                await Task.Delay(50);
            if ((await Tempo.Api.AskAsync($"/api/traces/{trace[0].TraceId}", "DELETE")).Status == 204) _deleted.Add(trace[0].TraceId);
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> WaitAsync(Func<Task<bool>> goOn)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            for (var waits = 1; !patience.IsCancellationRequested && !Tempo.HasEnded && await goOn(); waits++)
            {
                await Task.Delay(50);
                // A merge that had just begun may have left the deleted trace out before anybody looked for it: another one then.
                if (waits % 40 == 0 && !await DeleteATraceAsync()) break;
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            // It ended while it was asked.
        }

        return !Tempo.HasEnded;
    }

    private TempoSettings Settings()
    {
        const string Limits = "ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}, global: {max_bytes_per_trace: 0}";
        return Script.Settings with
        {
            Storage = $"    backend: s3\n    blocklist_poll: 1s\n    trace_deletion_enabled: true\n    s3: {{bucket: b, prefix: traces, endpoint: {new Uri(_s3.Url).Authority}, insecure: true, forcepathstyle: true, access_key: id, secret_key: key}}\n",
            Overrides = $"{{defaults: {{{Limits}, metrics_generator: {{processors: [span-metrics, service-graphs]}}}}}}",
            More = $"metrics_generator: {{registry: {{collection_interval: 1s}}, storage: {{path: generator, remote_write: [{{url: '{_sink.Url}/api/v1/write'}}]}}}}\n",
        };
    }
}
