using Tempo.Perf.Suite.Asked;

namespace Tempo.Perf.Suite.Measured;

/// <summary>What a server takes that nobody asks for anything: its binary, its memory some seconds after the start.</summary>
internal sealed class RestRound(Func<TestedServer> open, Report report)
{
    public const string Resident = "idle: resident memory", Binary = "binary";

    private static readonly TimeSpan RestTime = TimeSpan.FromSeconds(5);

    private readonly Figure _resident = report.Figure(Resident, "MiB", isMoreBetter: false);
    private readonly Figure _binary = report.Figure(Binary, "MB", isMoreBetter: false);

    public void Round()
    {
        using TestedServer server = open();
        if (server.Pid is not { } pid) return;
        Thread.Sleep(RestTime);
        _resident.Add("ours", server.ResidentBytes() / 1048576.0);
        if (new FileInfo($"/proc/{pid}/exe").ResolveLinkTarget(returnFinalTarget: true) is FileInfo binary)
            _binary.Add("ours", binary.Length / 1e6);
    }
}
