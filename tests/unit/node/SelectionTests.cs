using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests;

/// <summary>
/// A block is written as its number, the minute its last span ended (now is minute 6000, 100 h), and what is not usual:
/// L level, N traces (10), B bytes (100), D other dedicated columns, R replication factor, G row groups (1).
/// </summary>
public sealed class SelectionTests
{
    private const long NowSeconds = 6000 * 60;
    private static readonly CompactionOptions Options =
        new() { MaxObjects = 100, MaxBlockBytes = 1000, Patience = TimeSpan.FromMinutes(4) };

    [Theory]
    [InlineData("nothing", "", "")]
    [InlineData("one block", "1@5990", "")]
    [InlineData("two of a window", "1@5990 2@5995", "1 2")]
    [InlineData("two windows", "1@5930 2@5990", "")]
    [InlineData("the end of a window belongs to the next", "1@5939 2@5940 3@5995", "2 3")]
    [InlineData("four at most, the smallest", "1@5990B90 2@5990B50 3@5990B60 4@5990B70 5@5990B80", "2 3 4 5")]
    [InlineData("the newest window first", "1@5930 2@5931 3@5990 4@5991", "3 4")]
    [InlineData("the lowest level first", "1@5990L1 2@5991L1 3@5992 4@5993", "3 4")]
    [InlineData("levels stay apart while the window is active", "1@5990 2@5990L1 3@5990L2", "")]
    [InlineData("old windows mix levels", "1@1000 2@1000L1 3@1000L2", "1 2 3")]
    [InlineData("active are windows that ended less than 24 h ago", "1@4560 2@4561L1", "")]
    [InlineData("and not the one before", "1@4559 2@4558L1", "1 2")]
    [InlineData("dedicated columns need not be the same", "1@5990 2@5990D 3@5990D", "1 2 3")]
    [InlineData("too many row groups together", "1@5990G1500 2@5990G501", "")]
    [InlineData("just as many as allowed", "1@5990G1500 2@5990G500", "1 2")]
    [InlineData("replication factors stay apart", "1@5990 2@5990R3", "")]
    [InlineData("too many traces together", "1@5990N60 2@5990N60", "")]
    [InlineData("just as many as allowed", "1@5990N50 2@5990N50", "1 2")]
    [InlineData("too many bytes together", "1@5990B600 2@5990B600", "")]
    [InlineData("what does not fit is passed over", "1@5990N20B10 2@5990N90B20 3@5990N70B30", "1 3")]
    [InlineData("the smallest fits with none, others do", "1@5990N99B10 2@5990B20 3@5990B30", "2 3")]
    [InlineData("a window without a job does not hide another", "1@5990N60 2@5990N60 3@1000 4@1000", "3 4")]
    [InlineData("three wait for a fourth as long as one is young", "1@5980 2@5985 3@5997", "")]
    [InlineData("not for ever", "1@5980 2@5985 3@5996", "1 2 3")]
    [InlineData("four need not wait", "1@5980 2@5985 3@5990 4@5999", "1 2 3 4")]
    [InlineData("those that wait do not hide another level", "1@5998 2@5999 3@5990L1 4@5991L1", "3 4")]
    [InlineData("times ahead of now", "1@9000 2@9001", "1 2")]
    public void Selects(string why, string blocks, string expected)
    {
        BlockMeta[] metas = [.. blocks.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];
        foreach (var order in new[] { metas, [.. metas.Reverse()] })
        {
            var job = CompactionSelector.Select(order, NowSeconds, Options);
            var selected = job is null
                ? ""
                : string.Join(' ', job.Inputs.Select(input => Array.FindIndex(metas, meta => meta.BlockId == input.BlockId) + 1).Order());
            Assert.True(expected == selected, $"{why}: {selected} instead of {expected}");
        }
    }

    [Fact]
    public void A_job_depends_on_its_inputs_alone()
    {
        var blocks = new[] { Parse("1@5990"), Parse("2@5990L3"), Parse("3@5990") };
        var job = new CompactionJob(blocks);
        var same = new CompactionJob(blocks.Reverse());
        Assert.Equal((4, job.OutputId), (job.OutputLevel, same.OutputId));
        Assert.Equal(job.Inputs, same.Inputs);
        Assert.NotEqual(job.OutputId, new CompactionJob(blocks[..2]).OutputId);
        Assert.Throws<ArgumentException>(() => new CompactionJob(blocks[..1]));
    }

    [Fact]
    public void Outstanding_are_blocks_that_have_company()
    {
        var blocks = "1@5990 2@5990 3@5990 4@5930 5@5990R3".Split(' ').Select(Parse);
        Assert.Equal(3, CompactionSelector.CountOutstanding(blocks, NowSeconds, Options));
    }

    private static BlockMeta Parse(string text)
    {
        var match =
            System.Text.RegularExpressions.Regex.Match(text, @"^(\d+)@(\d+)(?:L(\d+))?(?:N(\d+))?(?:B(\d+))?(D)?(?:R(\d+))?(?:G(\d+))?$");
        Assert.True(match.Success, text);
        long Number(int group, long otherwise) =>
            match.Groups[group].Success ? long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : otherwise;
        return new BlockMeta
        {
            BlockId = BlockId.Derive(0, (ulong)Number(1, 0)),
            Tenant = TenantId.Single,
            StartSeconds = 0,
            EndSeconds = Number(2, 0) * 60,
            CompactionLevel = (int)Number(3, 0),
            TotalObjects = Number(4, 10),
            SizeBytes = Number(5, 100),
            RowGroupCount = (int)Number(8, 1),
            BloomShardCount = 1,
            FooterSizeBytes = 1,
            DedicatedColumns = match.Groups[6].Success ? TestColumns.Some : DedicatedColumns.None,
            ReplicationFactor = (int)Number(7, 1),
        };
    }
}
