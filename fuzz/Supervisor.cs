using System.Diagnostics;

namespace Tempo.Fuzz;

/// <summary>
/// Runs each target in a child process, so that a target which is killed (a touched fence, an exhausted stack) or hangs
/// fails like any other: its last input is taken out of the in-flight file and kept under Crashes/.
/// </summary>
internal static class Supervisor
{
    private static readonly FuzzOptions _smoke = new(Runs: 20_000, Seconds: 0, Seed: 1);

    /// <summary>On top of the time a target was given. One that takes longer hangs.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    /// <summary>Exit code 0 if all pass.</summary>
    public static int Fuzz(IReadOnlyList<IFuzzTarget> targets, FuzzOptions options) =>
        Report(targets.Select(target => Passes(target, options)));

    /// <summary>All targets for a fixed number of runs, and the canaries, whose planted bugs must be found.</summary>
    public static int Smoke() => Report(
    [
        .. FuzzTargets.Product.Select(target => Passes(target, _smoke)),
        .. FuzzTargets.Canaries.Select(canary => IsCaught(canary, _smoke)),
    ]);

    private static int Report(IEnumerable<bool> outcomes)
    {
        var (passed, failed) = (0, 0);
        foreach (var isPassed in outcomes) _ = isPassed ? passed++ : failed++;
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static bool Passes(IFuzzTarget target, FuzzOptions options)
    {
        if (FindFailure(target, options, isQuiet: false) is not { } input) return true;
        Console.WriteLine($"{target.Name}: FAILED, input of {input.Length} bytes kept as {FuzzFolders.SaveCrash(target, input)}");
        return false;
    }

    private static bool IsCaught(IFuzzTarget canary, FuzzOptions options)
    {
        var input = FindFailure(canary, options, isQuiet: true);
        Console.WriteLine(input is null
            ? $"{canary.Name}: FAILED, the planted bug was not found"
            : $"{canary.Name}: planted bug found by {Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 16)))}");
        return input is not null;
    }

    /// <summary>The input on which the target failed; null if it passed.</summary>
    private static byte[]? FindFailure(IFuzzTarget target, FuzzOptions options, bool isQuiet)
    {
        var inFlightPath = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!, [FuzzLoop.Verb, target.Name, inFlightPath, .. options.ToArguments()])
            {
                RedirectStandardOutput = isQuiet,
                RedirectStandardError = isQuiet,
            };
            using var child = Process.Start(start)!;
            if (isQuiet)
            {
                child.OutputDataReceived += static (_, _) => { };
                child.ErrorDataReceived += static (_, _) => { };
                child.BeginOutputReadLine();
                child.BeginErrorReadLine();
            }

            if (!child.WaitForExit(TimeSpan.FromSeconds(options.Seconds) + _patience))
            {
                Console.WriteLine($"{target.Name}: hangs");
                child.Kill();
                child.WaitForExit();
            }

            return child.ExitCode == 0 ? null : FencedMemory.ReadInput(inFlightPath);
        }
        finally
        {
            File.Delete(inFlightPath);
        }
    }
}
