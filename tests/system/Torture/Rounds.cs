using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Tempo.SystemTests.Lifecycle;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Torture;

/// <summary>
/// How long each torture goes on, and its line in the table. TEMPO_TORTURE_ROUNDS says how many rounds of each fault (the
/// short form without it); TEMPO_TORTURE_SEED where their chance begins; TEMPO_TORTURE_RESULTS names the file that gets a
/// JSON line for each.
/// </summary>
internal sealed class Rounds(string fault, ITestOutputHelper output)
{
    private double _mostSecondsToReady;
    private int _done;

    public static int Seed { get; } = FromEnvironment("TEMPO_TORTURE_SEED", 1);

    /// <summary>More is asked for than what each build goes through.</summary>
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("TEMPO_TORTURE_ROUNDS") is not null;

    /// <summary>How many rounds, if a short run has <paramref name="inShort"/>.</summary>
    public static int Count(int inShort) => FromEnvironment("TEMPO_TORTURE_ROUNDS", inShort);

    /// <summary>The healed server must become ready again by itself; the longest time goes to the table.</summary>
    public async Task StartAsync(TempoProcess tempo)
    {
        var clock = Stopwatch.StartNew();
        await tempo.StartAsync();
        _mostSecondsToReady = Math.Max(_mostSecondsToReady, clock.Elapsed.TotalSeconds);
    }

    public void Done(string what)
    {
        _done++;
        output.WriteLine(what);
    }

    /// <summary>After the last check has passed: none was lost, doubled or wrong, or the test would have failed.</summary>
    public void Report(Ledger ledger)
    {
        var line = JsonSerializer.Serialize(new
        {
            fault,
            rounds = _done,
            acknowledged = ledger.Count(Outcome.Acknowledged),
            refused = ledger.Count(Outcome.Refused),
            unknown = ledger.Count(Outcome.Unknown),
            secondsToReady = Math.Round(_mostSecondsToReady, 2),
        });
        output.WriteLine(line);
        if (Environment.GetEnvironmentVariable("TEMPO_TORTURE_RESULTS") is { } file) File.AppendAllText(file, line + "\n");
    }

    /// <summary>A number of the environment, or the other one.</summary>
    public static int FromEnvironment(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
