using Tempo.Engine.Foundation;

namespace Tempo.Host.Startup;

/// <summary>
/// Failpoints of tests: <c>TEMPO_FAILPOINT</c> says which, and only <c>-failpoints.enabled</c> allows it. A process that finds the one
/// without the other does not start: the variable is nothing that may be there by mistake.
/// </summary>
public static class FailpointStart
{
    public const string Variable = "TEMPO_FAILPOINT";

    /// <summary>What <c>tempo failpoints</c> prints: name, what it can do, what has happened when it is reached.</summary>
    public static string Describe() =>
        string.Concat(FailpointTable.All.Select(
            static info => $"{info.Name,-20} {(info.MayFail ? "end, error" : "end"),-11} {info.Meaning}\n"));

    /// <summary>Turns them on if they are asked for and allowed. False with why the process may not start.</summary>
    public static bool TryApply(bool isAllowed, string? asked, Log log, out string error)
    {
        error = "";
        if (string.IsNullOrEmpty(asked)) return true;
        if (!isAllowed) error = $"{Variable} is set, which is for tests only and needs -failpoints.enabled";
        else if (!Failpoints.TryArm(asked, out error)) error = $"{Variable}: {error}";
        else log.Warn("FAILPOINTS ARE ON: this process ends or fails on purpose", ("failpoint", asked));
        return error.Length == 0;
    }
}
