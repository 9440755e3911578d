using System.Globalization;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>kill -9 at random moments under load, over and over on the same data: every acknowledged span is there by id
/// and by search, none twice, none that was never sent, none in part. TEMPO_KILL_ROUNDS sets how often (5),
/// TEMPO_KILL_SEED the moments (1).</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private static readonly int Rounds = FromEnvironment("TEMPO_KILL_ROUNDS", 5);
    private static readonly int Seed = FromEnvironment("TEMPO_KILL_SEED", 1);

    [Fact]
    public async Task No_acknowledged_span_is_lost_and_none_comes_twice()
    {
        var random = new Random(Seed);
        var ledger = new Ledger();
        await using var tempo = await TempoProcess.StartAsync();

        for (var round = 0; round < Rounds; round++)
        {
            var name = $"kill round {round}";
            await LoadAndKillAsync(tempo, ledger, name, random, flushMeanwhile: round % 2 == 1);
            await tempo.StartAsync();
            await AssertFoundBySearchAsync(tempo, ledger, name);
            output.WriteLine($"{name} (seed {Seed}): {Summary(ledger)}");
        }

        await AssertFoundByIdAsync(tempo, ledger);
        await tempo.Api.FlushAsync();
        await AssertFoundByIdAsync(tempo, ledger);
        for (var round = 0; round < Rounds; round++) await AssertFoundBySearchAsync(tempo, ledger, $"kill round {round}");
        Assert.True(ledger.Count(Ledger.Outcome.Acknowledged) > Rounds * 10, $"the load was no load: {Summary(ledger)}");
    }

    /// <summary>Killed while it replays what the last kill left behind.</summary>
    [Fact]
    public async Task A_kill_during_recovery_loses_nothing_either()
    {
        var random = new Random(Seed);
        var ledger = new Ledger();
        await using var tempo = await TempoProcess.StartAsync();
        await LoadAndKillAsync(tempo, ledger, "before recovery", random, flushMeanwhile: false);

        for (var attempt = 0; attempt < Rounds; attempt++)
        {
            tempo.StartWithoutWaiting();
            await Task.Delay(random.Next(1, 60));
            await tempo.KillAsync();
        }

        await tempo.StartAsync();
        await AssertFoundByIdAsync(tempo, ledger);
        await AssertFoundBySearchAsync(tempo, ledger, "before recovery");
    }

    private static async Task LoadAndKillAsync(TempoProcess tempo, Ledger ledger, string name, Random random, bool flushMeanwhile)
    {
        using var stop = new CancellationTokenSource();
        var load = new LedgerLoad(tempo, ledger, name).RunAsync(stop.Token);
        await Task.Delay(random.Next(200, 1500));
        // A flush that is under way when the kill comes: blocks half written, log segments half released.
        var flush = flushMeanwhile ? IgnoreBrokenAsync(tempo.Api.FlushAsync()) : Task.CompletedTask;
        if (flushMeanwhile) await Task.Delay(random.Next(0, 150));
        await tempo.KillAsync();
        await stop.CancelAsync();
        await Task.WhenAll(load, flush);
    }

    private static async Task AssertFoundByIdAsync(TempoProcess tempo, Ledger ledger)
    {
        foreach (var spans in ledger.With(Ledger.Outcome.Acknowledged))
            SpanFacts.AssertSame(spans, await tempo.Api.FindTraceAsync(spans[0].TraceId));
        foreach (var spans in ledger.With(Ledger.Outcome.Refused))
            Assert.Empty(await tempo.Api.FindTraceAsync(spans[0].TraceId));
        foreach (var spans in ledger.With(Ledger.Outcome.Unknown))
        {
            var found = await tempo.Api.FindTraceAsync(spans[0].TraceId);
            if (found.Count != 0) SpanFacts.AssertSame(spans, found);
        }
    }

    private static async Task AssertFoundBySearchAsync(TempoProcess tempo, Ledger ledger, string name)
    {
        var hits = await tempo.Api.SearchAsync($"{{ name = \"{name}\" }}", limit: 100_000);
        Assert.Equal(hits.Count, hits.Select(hit => hit.TraceId).Distinct().Count());
        foreach (var (traceId, matched) in hits)
        {
            var (outcome, spans) = ledger.Find(traceId) ?? throw new InvalidOperationException($"found a trace that was never sent: {traceId}");
            Assert.NotEqual(Ledger.Outcome.Refused, outcome);
            Assert.Equal(spans.Length, matched);
        }

        var acknowledged = ledger.With(Ledger.Outcome.Acknowledged).Where(spans => spans[0].Name == name).Select(spans => spans[0].TraceId);
        Assert.Empty(acknowledged.Except(hits.Select(hit => hit.TraceId)));
    }

    private static async Task IgnoreBrokenAsync(Task request)
    {
        try
        {
            await request;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // The kill came first.
        }
    }

    private static string Summary(Ledger ledger) =>
        $"{ledger.Count(Ledger.Outcome.Acknowledged)} acknowledged, {ledger.Count(Ledger.Outcome.Refused)} refused, {ledger.Count(Ledger.Outcome.Unknown)} unknown";

    private static int FromEnvironment(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
