using System.Diagnostics;

namespace Tempo.Fuzz;

/// <summary>
/// Runs one target in a process of its own (<see cref="Supervisor"/> started it): first every crash there ever was, then
/// the seeds as they are, then mutations of them. Stops at the first failure. However the process ends then, the input
/// that ended it is in the in-flight file.
/// <para>
/// The parents are a list that can grow: feedback from coverage would add the inputs that reached something new.
/// </para>
/// </summary>
internal sealed class FuzzLoop : IDisposable
{
    public const string Verb = "run-target";

    private const int MaxInputSizeBytes = 64 * 1024;
    private const int RunsPerClockCheck = 256;

    private readonly IFuzzTarget _target;
    private readonly FencedMemory _memory;
    private readonly List<byte[]> _parents;
    private long _runs;

    private FuzzLoop(IFuzzTarget target, string inFlightPath)
    {
        _target = target;
        _memory = new FencedMemory(inFlightPath, MaxInputSizeBytes);
        _parents = [.. FuzzFolders.ReadSeeds(target)];
        if (_parents.Count == 0) _parents.Add([]);
    }

    /// <summary>Exit code: 0 if all went well, 1 if an input failed.</summary>
    public static int Run(IFuzzTarget target, string inFlightPath, FuzzOptions options)
    {
        using var loop = new FuzzLoop(target, inFlightPath);
        try
        {
            loop.Run(options);
        }
        catch (Exception exception)
        {
            Console.WriteLine($"{target.Name}: run {loop._runs}: {exception}");
            return 1;
        }

        Console.WriteLine($"{target.Name}: {loop._runs} executions");
        return 0;
    }

    public void Dispose() => _memory.Dispose();

    private void Run(FuzzOptions options)
    {
        foreach (var crash in FuzzFolders.ReadCrashes(_target)) Execute(crash);
        foreach (var seed in _parents) Execute(seed);

        var clock = Stopwatch.StartNew();
        var random = new Random(options.Seed);
        var mutator = new Mutator(random, _target.Dictionary, MaxInputSizeBytes);
        while (_runs < options.Runs)
        {
            if (_runs % RunsPerClockCheck == 0 && options.Seconds > 0 && clock.Elapsed.TotalSeconds >= options.Seconds) break;
            Execute(mutator.Mutate(_parents[random.Next(_parents.Count)], _parents[random.Next(_parents.Count)]));
        }
    }

    private void Execute(ReadOnlySpan<byte> input)
    {
        _runs++;
        _target.Run(_memory.Place(input, atEnd: _runs % 2 == 0));
    }
}
