using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Cli;

/// <summary><c>tempo vulture</c> as a process beside servers: what it sends it finds, and what is not there it misses.</summary>
public sealed class VultureTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    [Fact]
    public async Task What_was_acknowledged_is_found_in_every_way_and_remembered_over_a_restart()
    {
        var ledger = Path.Combine(_tempo.Folder, "ledger.txt");
        var first = await RunAsync(_tempo, _tempo, "--ledger", ledger);
        Assert.True(first.ExitCode == 0, first.Everything);
        Assert.Matches(@"[1-9]\d* acknowledged, 0 refused, 0 unknown; 0 wrong answers", first.Output);

        await _tempo.Api.FlushAsync();
        var sent = File.ReadAllLines(ledger).Length;
        var second = await RunAsync(_tempo, _tempo, "--ledger", ledger, "--write-interval", "1h");
        Assert.True(second.ExitCode == 0, second.Everything);
        Assert.StartsWith($"{sent + 1} acknowledged", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_have_what_was_acknowledged_is_told()
    {
        await using var other = await TempoProcess.StartAsync();
        var run = await RunAsync(_tempo, other);
        Assert.True(run.ExitCode == 1, run.Everything);
        foreach (var error in (string[])["notfound_byid", "notfound_search", "notfound_metrics"])
            Assert.Contains($"error={error}", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_ledger_and_an_unknown_option_end_it()
    {
        var run = await RunAsync(_tempo, _tempo, "--ledger", _tempo.ConfigFile);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is no ledger", run.Errors, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync(_tempo, _tempo, "--leger", "x")).ExitCode);
    }

    private static Task<ProgramRun> RunAsync(TempoProcess push, TempoProcess query, params string[] more) => ProgramRun.ToEndAsync(
        Repository.Binary,
        ["vulture", "--push", push.OtlpHttpUrl.Replace("/v1/traces", "", StringComparison.Ordinal), "--query", $"http://{query.ApiAddress}",
            "--for", "3s", "--write-interval", "20ms", "--read-interval", "5ms", .. more],
        TimeSpan.FromSeconds(30));
}
