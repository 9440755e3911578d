using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>Habits that the compiler cannot hold, each with the reason it is a rule.</summary>
public sealed partial class ProductCodeTests
{
    private const int MaxLinesPerFile = 500;

    /// <summary>Files over <see cref="MaxLinesPerFile"/> lines, with the reason they have one subject all the same.</summary>
    private static readonly Dictionary<string, string> LongFiles = [];

    /// <summary>Uses of the machine's clock, randomness and scheduler, with the reason they cannot be injected.</summary>
    private static readonly Dictionary<string, string> Ambient = new()
    {
        ["engine/foundation/Memory/KeyedHash.cs"] = "the key that keeps senders from choosing collisions; no answer depends on it",
        ["engine/generator/MetricsGenerator.cs"] = "a collection computes for long: a thread of its own",
        ["engine/node/CompactionLoop.cs"] = "a merge computes for long: a thread of its own",
        ["engine/node/CompactionLoop.Merges.cs"] = "merges beside each other: a thread for each",
        ["engine/node/CutLoop.cs"] = "cuts run beside each other; which ends first decides nothing",
        ["engine/node/Generating/GeneratorStart.cs"] = "where the node is put together, chance is handed to the generator",
        ["engine/query/Metrics/MetricsScan.cs"] = "a query computes on all cores; the sums do not depend on the order",
        ["engine/query/Search/WorkerTeam.cs"] = "a query computes on all cores; the best results do not depend on the order",
        ["engine/storage/Wal/CompletionLanes.cs"] = "on which thread who waited for the log goes on; in simulation there is none",
        ["engine/storage/Wal/WriteAheadLog.Commit.cs"] = "the thread that syncs",
        ["engine/storage/Wal/WriteAheadLog.cs"] = "the log's identity, once in its life",
    };

    /// <summary>By what the forbidden name has in it; the last one is for all others.</summary>
    private static readonly (string Part, string Use)[] Instead =
    [
        ("DateTime", "the TimeProvider that is handed in: GetUtcNow()"),
        ("Stopwatch", "the TimeProvider that is handed in: GetTimestamp(), GetElapsedTime()"),
        ("Environment.TickCount", "the TimeProvider that is handed in: GetTimestamp(), GetElapsedTime()"),
        ("Timer", "the TimeProvider that is handed in: CreateTimer()"),
        ("Thread.Sleep", "await Task.Delay(time, TimeProvider, cancellation)"),
        ("new Thread(", "the thread of who calls, or what NodeMachine gives; a loop that computes for long belongs where the node is put together"),
        ("Task.", "await what it does; a loop is begun by its owner, and what computes for long runs where ARCHITECTURE.md's threads say"),
        ("ThreadPool", "await what it does; a loop is begun by its owner"),
        ("Parallel.", "WorkerTeam, which one thread can run, too"),
        ("Guid.", "the source of ids that is handed in"),
        ("", "the Random, or the source of random numbers, that is handed in"),
    ];

    [Fact]
    public void No_file_has_unfinished_business() =>
        Assert.Empty(SourceTree.ProductSources().SelectMany(path => Matches(path, Unfinished(), SourceTree.Lines(path))));

    [Fact]
    public void Every_file_has_one_subject() =>
        Assert.All(SourceTree.ProductSources().Where(path => !LongFiles.ContainsKey(path)), path =>
        {
            var lines = SourceTree.Lines(path).Length;
            Assert.True(lines <= MaxLinesPerFile, $"{path} has {lines} lines: what second subject is in it?");
        });

    /// <summary>The engine is tested by simulation, so time, chance and scheduling come in through its seams. The host
    /// is where they are taken from the machine.</summary>
    [Fact]
    public void Time_and_chance_come_in_through_the_seams() =>
        Assert.Empty(SourceTree.ProductSources()
            .Where(path => !path.StartsWith("native-host/", StringComparison.Ordinal) && !Ambient.ContainsKey(path))
            .SelectMany(path => Matches(path, AmbientAuthority(), SourceTree.CodeLines(path)))
            .Select(static line => $"{line}\n    instead: {InsteadOf(line)}"));

    [Theory]
    [InlineData("DateTime.UtcNow", "TimeProvider")]
    [InlineData("Stopwatch.StartNew()", "TimeProvider")]
    [InlineData("Task.Run(Work)", "await")]
    [InlineData("new Thread(Work)", "NodeMachine")]
    [InlineData("ThreadPool.QueueUserWorkItem(Work)", "await")]
    [InlineData("Thread.Sleep(1)", "Task.Delay")]
    [InlineData("Guid.NewGuid()", "handed in")]
    [InlineData("Random.Shared", "handed in")]
    public void What_is_forbidden_is_told_what_to_use_instead(string code, string instead) =>
        Assert.Contains(instead, InsteadOf($"engine/a.cs:1: {code};"), StringComparison.Ordinal);

    [Fact]
    public void The_exceptions_are_still_needed()
    {
        Assert.All(LongFiles.Keys, path => Assert.True(SourceTree.Lines(path).Length > MaxLinesPerFile, path));
        Assert.All(Ambient.Keys, path => Assert.Contains(SourceTree.CodeLines(path), AmbientAuthority().IsMatch));
    }

    [Theory]
    [InlineData("var now = DateTime.UtcNow;")]
    [InlineData("await Task.Run(() => {});")]
    [InlineData("var r = new Random();")]
    [InlineData("_ = Task.Factory.StartNew(Work);")]
    [InlineData("new Thread(Work).Start();")]
    [InlineData("RandomNumberGenerator.Fill(key);")]
    [InlineData("KernelRandom.Fill(key);")]
    [InlineData("ThreadPool.QueueUserWorkItem(Work);")]
    [InlineData("if (Environment.TickCount64 > then) return;")]
    [InlineData("using var timer = new PeriodicTimer(second);")]
    public void The_rule_sees_what_it_forbids(string line) => Assert.Matches(AmbientAuthority(), line);

    private static string InsteadOf(string line) => Instead.First(rule => AmbientAuthority().Match(line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]).Value.Contains(rule.Part, StringComparison.Ordinal)).Use;

    private static IEnumerable<string> Matches(string path, Regex forbidden, string[] lines) =>
        lines.Index().Where(line => forbidden.IsMatch(line.Item)).Select(line => $"{path}:{line.Index + 1}: {line.Item.Trim()}");

    [GeneratedRegex(@"\bTODO\b|\bFIXME\b|\bXXX\b|NotImplementedException")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(UtcNow|Now)\b|\bGuid\.(NewGuid|CreateVersion7)\b|\bRandom\.Shared\b|\bnew Random\(\)|\bTask\.(Run|Factory)\b|\bnew Thread\(|\bParallel\.|\bRandomNumberGenerator\b|\bKernelRandom\.|\bStopwatch\b|\bThread\.Sleep\b|\bThreadPool\.|\bEnvironment\.TickCount|\bnew (Periodic)?Timer\(")]
    private static partial Regex AmbientAuthority();
}
