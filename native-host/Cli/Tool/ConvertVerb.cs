using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Compaction;

namespace Tempo.Host.Cli.Tool;

/// <summary><c>tempo convert</c>.</summary>
internal sealed class ConvertVerb : ToolVerb
{
    public override string Name => "convert";

    public override string Parameters => "<tenant> [block]";

    public override string Help =>
        "Writes blocks anew into another folder (--out), as vParquet5 or what --format says. The blocks themselves stay.";

    public override IReadOnlyList<string> Options => ["out", "format"];

    public override async Task<int> RunAsync(ToolContext context)
    {
        var target = context.Arguments.Option("out");
        if (target.Length == 0) throw new ToolException("--out: the folder for the new blocks is expected");
        if (BlockVersion.Find(context.Arguments.Option("format", BlockVersion.Default.Name)) is not { CanWrite: true } version)
            throw new ToolException(
                $"--format: {string.Join(" or ", BlockVersion.All.Where(static known => known.CanWrite).Select(static known => known.Name))} is expected");
        // Copies among the originals would be taken for blocks: the traces were there twice, and once more with each run.
        if (context.Folder.Length > 0 && (IsWithin(target, context.Folder) || IsWithin(context.Folder, target)))
            throw new ToolException($"--out {target}: a folder apart from {context.Folder}, that of the blocks, is expected",
                isCommandLine: true);
        var blocks = await context.BlocksAsync().ConfigureAwait(false);
        Directory.CreateDirectory(target);
        var layout = new CompactionOptions().Layout with { Version = version };
        var store = new BlockStore(LocalObjectStore.Open(target), ToolContext.WorkFolder, new BlockStoreOptions { Layout = layout });
        store.Sweep();
        var converter = new BlockConverter(context.Store, store, layout);
        foreach (var meta in blocks)
        {
            var written = await converter.ConvertAsync(meta, ToolContext.Cancellation).ConfigureAwait(false);
            context.Print(written is null
                ? $"{meta.BlockId}: no spans, nothing written"
                : $"{meta.BlockId} {meta.Format} {ToolText.Count(meta.SizeBytes)} bytes -> {written.BlockId} {written.Format} {ToolText.Count(written.SizeBytes)} bytes, {ToolText.Count(written.TotalObjects)} traces");
        }

        return 0;
    }

    private static bool IsWithin(string inner, string outer) =>
        WithSeparator(RealPath(inner)).StartsWith(WithSeparator(RealPath(outer)), StringComparison.Ordinal);

    private static string WithSeparator(string folder) => folder.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar;

    // Without links, also on the way to it: what is not there yet is none.
    private static string RealPath(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not { } parent) return full;
        var real = new DirectoryInfo(Path.Join(RealPath(parent), Path.GetFileName(full)));
        return real.LinkTarget is null ? real.FullName : RealPath(real.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
    }
}
