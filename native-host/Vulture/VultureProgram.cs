using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Http;
using Tempo.Host.Startup;
using Tempo.Host.Telemetry;

namespace Tempo.Host.Vulture;

/// <summary>
/// <c>tempo vulture</c>: a client that knows what it sent. It sends traces to any Tempo-compatible server, writes down what
/// became of them, and asks for what was acknowledged, over and over, in every way that there is.
/// </summary>
internal static class VultureProgram
{
    public static int Run(ReadOnlySpan<string> arguments, TextWriter output, TextWriter errors)
    {
        if (!VultureOptions.TryParse(arguments, out var options, out var error))
        {
            errors.WriteLine($"{error}\n{VultureOptions.Usage}");
            return 2;
        }

        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        if (options.Length > TimeSpan.Zero) stop.CancelAfter(options.Length);
        try
        {
            return RunAsync(options, new Log(Console.OpenStandardError(), LogFormat.Logfmt, LogLevel.Info, TimeProvider.System), output,
                stop.Token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ListenException)
        {
            errors.WriteLine($"vulture: {e.Message}");
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private static async Task<int> RunAsync(VultureOptions options, Log log, TextWriter output, CancellationToken cancellation)
    {
        var metrics = new MetricRegistry();
        using var client = new VultureClient(options);
        using var ledger = new VultureLedger(options.Ledger);
        var check = new VultureCheck(client, metrics, log);
        await using var listener = await ListenAsync(options, metrics, log).ConfigureAwait(false);
        var random = new Random();
        // Both change the ledger's lists, so they take turns.
        using var turn = new SemaphoreSlim(1, 1);
        await Task.WhenAll(
            RepeatAsync(options.WriteInterval, () => WriteAsync(client, ledger, random, turn, metrics, cancellation), cancellation),
            RepeatAsync(options.ReadInterval, () => ReadAsync(options, ledger, check, random, turn, cancellation), cancellation))
                .ConfigureAwait(false);

        output.WriteLine($"{ledger.Count(VultureOutcome.Acknowledged)} acknowledged, {ledger.Count(VultureOutcome.Refused)} refused, {ledger.Count(VultureOutcome.Unknown)} unknown; {check.Wrong} wrong answers, {check.Unanswered} questions without an answer");
        if (ledger.Count(VultureOutcome.Acknowledged) > 0) return check.Wrong == 0 ? 0 : 1;
        output.WriteLine("nothing was acknowledged, so nothing was checked");
        return 1;
    }

    private static async Task<Listener?> ListenAsync(VultureOptions options, MetricRegistry metrics, Log log)
    {
        if (options.Listen == 0) return null;
        var router = new ApiRouter([MetricsEndpoint.Route(metrics)], "", new RequestMetrics(new MetricRegistry()), TimeProvider.System);
        return await Listener.StartAsync("vulture", new ListenAddress("0.0.0.0", options.Listen),
            new ListenerLimits(MaxBodyBytes: 0, MaxRequestLineBytes: 8192, IsHttp2Only: false), router.HandleAsync, log)
                .ConfigureAwait(false);
    }

    private static async Task RepeatAsync(TimeSpan interval, Func<Task> work, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await work().ConfigureAwait(false);
                await Task.Delay(interval, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Asked to end.
        }
    }

    private static async Task WriteAsync(
        VultureClient client, VultureLedger ledger, Random random, SemaphoreSlim turn, MetricRegistry metrics,
        CancellationToken cancellation)
    {
        var trace = new VultureTrace((ulong)random.NextInt64(), TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        // Not cancelled: what was sent has an end that the ledger should know.
        var outcome = await client.SendAsync(trace, CancellationToken.None).ConfigureAwait(false);
        await turn.WaitAsync(cancellation).ConfigureAwait(false);
        ledger.Note(trace, outcome);
        turn.Release();
        metrics.Counter("tempo_vulture_sent_total", "Traces that were sent.", "outcome").With($"{outcome}".ToLowerInvariant()).Add(1);
    }

    private static async Task ReadAsync(
        VultureOptions options, VultureLedger ledger, VultureCheck check, Random random, SemaphoreSlim turn, CancellationToken cancellation)
    {
        var now = TimeProvider.System.GetUtcNow();
        await turn.WaitAsync(cancellation).ConfigureAwait(false);
        ledger.Forget((now - options.Retention).ToUnixTimeMilliseconds());
        // One of the refused now and then: it must not be there.
        var outcome =
            random.Next(10) == 0 && ledger.Count(VultureOutcome.Refused) > 0 ? VultureOutcome.Refused : VultureOutcome.Acknowledged;
        var traces = ledger.Of(outcome);
        // The newest every other time, if it may be asked for: that is where servers answer late.
        var trace = traces.Count == 0 ? null : random.Next(2) == 0 ? traces[^1] : traces[random.Next(traces.Count)];
        turn.Release();
        if (trace is not null && trace.StartUnixMs <= (now - options.ReadAfter).ToUnixTimeMilliseconds())
            await check.CheckAsync(trace, outcome, cancellation).ConfigureAwait(false);
    }
}
