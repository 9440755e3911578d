using System.Diagnostics;
using Tempo.Fuzz.Coverage;

namespace Tempo.Fuzz;

/// <summary>
/// Runs each target in a child process, so that a target which is killed (a touched fence, an exhausted stack) or hangs
/// fails like any other: its last input is taken out of the in-flight file, made as short as it may be, and kept under Crashes/.
/// </summary>
internal static class Supervisor
{
    private static readonly FuzzOptions _smoke = new(Runs: 20_000, Seconds: 0, Seed: 1);

    // A hundred times what is needed; by chance alone it would be found once in a thousand years.
    private static readonly FuzzOptions _guided = new(Runs: 10_000_000, Seconds: 0, Seed: 1);

    private const int MostMinimisingRuns = 300;

    /// <summary>On top of the time a target was given. One that takes longer hangs.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    /// <summary>For one input, which takes milliseconds where it does not hang.</summary>
    private static readonly TimeSpan _patienceForOne = TimeSpan.FromSeconds(20);

    /// <summary>Guided by coverage. Exit code 0 if all pass.</summary>
    public static int Fuzz(IReadOnlyList<IFuzzTarget> targets, FuzzOptions options)
    {
        var program = Instrumenter.Program();
        return Report(targets.Select(target => Passes(target, options, program)));
    }

    /// <summary>
    /// All targets for a fixed number of runs, and the canaries, whose planted bugs must be found: two of them by chance, and one only by
    /// coverage.
    /// </summary>
    public static int Smoke()
    {
        var program = Environment.ProcessPath!;
        return Report(
        [
            .. FuzzTargets.Product.Select(target => Passes(target, _smoke, program)),
            .. FuzzTargets.Canaries.Select(canary => IsCaught(canary, _smoke, program)),
            IsCaught(FuzzTargets.GuidedCanary, _guided, Instrumenter.Program()) && IsMinimised(FuzzTargets.GuidedCanary),
        ]);
    }

    private static int Report(IEnumerable<bool> outcomes)
    {
        var (passed, failed) = (0, 0);
        foreach (var isPassed in outcomes) _ = isPassed ? passed++ : failed++;
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static bool Passes(IFuzzTarget target, FuzzOptions options, string program)
    {
        if (FindFailure(target, options, program, isQuiet: false) is not { } input) return true;
        FuzzFolders.SaveCrash(target, input); // as it is first: making it shorter may take long
        var least = Minimise(target, input);
        Console.WriteLine($"{target.Name}: FAILED, input of {input.Length} bytes, of which {least.Length} are needed, kept as {FuzzFolders.SaveCrash(target, least)}");
        return false;
    }

    private static byte[] Minimise(IFuzzTarget target, byte[] input) =>
        new Minimiser(shorter => Fails(target, shorter), MostMinimisingRuns).Minimise(input);

    // What the canary's bug needs, in the middle of what it does not.
    private static bool IsMinimised(IFuzzTarget canary)
    {
        var least = Minimise(canary, [.. "coverage"u8, .. new byte[24]]);
        if (least.AsSpan().SequenceEqual("coverage"u8)) return true;
        Console.WriteLine($"{canary.Name}: FAILED, minimised to {Convert.ToHexString(least)}");
        return false;
    }

    private static bool IsCaught(IFuzzTarget canary, FuzzOptions options, string program)
    {
        var input = FindFailure(canary, options, program, isQuiet: true);
        Console.WriteLine(input is null
            ? $"{canary.Name}: FAILED, the planted bug was not found"
            : $"{canary.Name}: planted bug found by {Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 16)))}");
        return input is not null;
    }

    /// <summary>The input on which the target failed; null if it passed.</summary>
    private static byte[]? FindFailure(IFuzzTarget target, FuzzOptions options, string program, bool isQuiet)
    {
        var inFlightPath = Path.GetTempFileName();
        try
        {
            var isFine = RunChild(program, [FuzzLoop.Verb, target.Name, inFlightPath, .. options.ToArguments()],
                TimeSpan.FromSeconds(options.Seconds) + _patience, isQuiet);
            return isFine ? null : FencedMemory.ReadInput(inFlightPath);
        }
        finally
        {
            File.Delete(inFlightPath);
        }
    }

    private static bool Fails(IFuzzTarget target, byte[] input)
    {
        var inFlightPath = Path.GetTempFileName();
        try
        {
            FencedMemory.WriteInput(inFlightPath, input);
            return !RunChild(Environment.ProcessPath!, [FuzzLoop.SingleVerb, target.Name, inFlightPath], _patienceForOne, isQuiet: true);
        }
        finally
        {
            File.Delete(inFlightPath);
        }
    }

    private static bool RunChild(string program, string[] arguments, TimeSpan patience, bool isQuiet)
    {
        using var child =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = isQuiet, RedirectStandardError = isQuiet })!;
        if (isQuiet)
        {
            child.OutputDataReceived += static (_, _) => { };
            child.ErrorDataReceived += static (_, _) => { };
            child.BeginOutputReadLine();
            child.BeginErrorReadLine();
        }

        if (!child.WaitForExit(patience))
        {
            Console.WriteLine($"{arguments[1]}: hangs");
            child.Kill();
            child.WaitForExit();
        }

        return child.ExitCode == 0;
    }
}
