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
        ["engine/node/CutLoop.cs"] = "cuts run beside each other; which ends first decides nothing",
        ["engine/node/Generating/GeneratorStart.cs"] = "where the node is put together, chance is handed to the generator",
        ["engine/query/Metrics/MetricsScan.cs"] = "a query computes on all cores; the sums do not depend on the order",
        ["engine/query/Search/WorkerTeam.cs"] = "a query computes on all cores; the best results do not depend on the order",
        ["engine/storage/Wal/WriteAheadLog.Commit.cs"] = "the thread that syncs",
        ["engine/storage/Wal/WriteAheadLog.cs"] = "the log's identity, once in its life",
    };

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
            .SelectMany(path => Matches(path, AmbientAuthority(), SourceTree.CodeLines(path))));

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
    public void The_rule_sees_what_it_forbids(string line) => Assert.Matches(AmbientAuthority(), line);

    private static IEnumerable<string> Matches(string path, Regex forbidden, string[] lines) =>
        lines.Index().Where(line => forbidden.IsMatch(line.Item)).Select(line => $"{path}:{line.Index + 1}: {line.Item.Trim()}");

    [GeneratedRegex(@"\bTODO\b|\bFIXME\b|\bXXX\b|NotImplementedException")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(UtcNow|Now)\b|\bGuid\.(NewGuid|CreateVersion7)\b|\bRandom\.Shared\b|\bnew Random\(\)|\bTask\.(Run|Factory)\b|\bnew Thread\(|\bParallel\.|\bRandomNumberGenerator\b|\bKernelRandom\.|\bStopwatch\b|\bThread\.Sleep\b")]
    private static partial Regex AmbientAuthority();
}
