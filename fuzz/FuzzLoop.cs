using System.Diagnostics;
using Tempo.Fuzz.Coverage;

namespace Tempo.Fuzz;

/// <summary>
/// Runs one target in a process of its own (<see cref="Supervisor"/> started it): first every crash there ever was, then
/// the seeds as they are, then mutations of them. Stops at the first failure. However the process ends then, the input
/// that ended it is in the in-flight file.
/// <para>
/// In a program with counters (<see cref="Instrumenter"/>) an input that reaches something new becomes a parent, too, and the later it came
/// the more often it is one.
/// </para>
/// </summary>
internal sealed class FuzzLoop : IDisposable
{
    public const string Verb = "run-target", SingleVerb = "run-input";

    private const int MaxInputSizeBytes = 64 * 1024;
    private const int RunsPerClockCheck = 256;

    private readonly IFuzzTarget _target;
    private readonly FencedMemory _memory;
    private readonly List<byte[]> _parents;
    private readonly int _seedCount;
    private readonly int _blockCount = Instrumenter.BlockCount();
    private readonly CoverageMap? _map;
    private long _runs;

    private FuzzLoop(IFuzzTarget target, string inFlightPath)
    {
        _target = target;
        _memory = new FencedMemory(inFlightPath, MaxInputSizeBytes);
        _parents = [.. FuzzFolders.ReadSeeds(target)];
        if (_parents.Count == 0) _parents.Add([]);
        _seedCount = _parents.Count;
        if (_blockCount > 0) _map = new CoverageMap(_blockCount);
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

        Console.WriteLine($"{target.Name}: {loop._runs} executions{loop.Reached}");
        return 0;
    }

    private string Reached =>
        _map is null ? "" : $", {_map.BlockCount} blocks reached, {_parents.Count - _seedCount} inputs kept besides {_seedCount} seeds";

    /// <summary>One input by itself: 0 or 1, or the end of the process.</summary>
    public static int RunInput(IFuzzTarget target, string inFlightPath)
    {
        var input = FencedMemory.ReadInput(inFlightPath);
        using var loop = new FuzzLoop(target, inFlightPath);
        try
        {
            // Against either fence.
            loop.Execute(input);
            loop.Execute(input);
            return 0;
        }
        catch (Exception)
        {
            return 1;
        }
    }

    public void Dispose() => _memory.Dispose();

    private void Run(FuzzOptions options)
    {
        foreach (var crash in FuzzFolders.ReadCrashes(_target)) Execute(crash);
        for (var i = 0; i < _seedCount; i++) Execute(_parents[i]);

        var clock = Stopwatch.StartNew();
        var random = new Random(options.Seed);
        var mutator = new Mutator(random, _target.Dictionary, MaxInputSizeBytes);
        while (_runs < options.Runs)
        {
            if (_runs % RunsPerClockCheck == 0 && options.Seconds > 0 && clock.Elapsed.TotalSeconds >= options.Seconds) break;
            var parent = random.Next(_parents.Count);
            if (_map is not null) parent = Math.Max(parent, random.Next(_parents.Count));
            var input = mutator.Mutate(_parents[parent], _parents[random.Next(_parents.Count)]);
            if (Execute(input)) _parents.Add(input.ToArray());
        }
    }

    // True if it reached something new.
    private bool Execute(ReadOnlySpan<byte> input)
    {
        _runs++;
        var placed = _memory.Place(input, atEnd: _runs % 2 == 0);
        if (_map is not null) CoverageMap.Clear(_blockCount);
        _target.Run(placed);
        return _map is not null && _map.Take();
    }
}
