using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocklist;
using Tempo.Engine.Storage.Blocks;

namespace Tempo.Host.Cli.Tool;

/// <summary>
/// A verb over blocks, in a folder or a bucket: <c>tempo list blocks --path tempo-data/blocks single-tenant</c>. It reads what is there,
/// beside a server or without one; those that write say so.
/// </summary>
public abstract class ToolVerb
{
    /// <summary>The words that name it.</summary>
    public abstract string Name { get; }

    /// <summary>Names that follow, for the usage: <c>&lt;tenant&gt; &lt;block&gt;</c>.</summary>
    public abstract string Parameters { get; }

    /// <summary>One line for the usage.</summary>
    public abstract string Help { get; }

    /// <summary>How many names must follow, at least.</summary>
    public int NameCount => Parameters.AsSpan().Count('<');

    /// <summary>How many may follow: those in brackets, too.</summary>
    public int MaxNameCount => NameCount + Parameters.AsSpan().Count('[');

    /// <summary>Options beside those that say where the blocks are (<see cref="ToolStorage"/>).</summary>
    public virtual IReadOnlyList<string> Options => [];

    /// <summary>Runs; the exit code. Throws <see cref="ToolException"/> for what cannot be done.</summary>
    public abstract Task<int> RunAsync(ToolContext context);
}

/// <summary>What a verb works with.</summary>
public sealed class ToolContext : IDisposable
{
    private readonly TextWriter _output;
    private readonly BlocksPlace _place;

    public ToolContext(ToolArguments arguments, TextWriter output)
    {
        Arguments = arguments;
        _output = output;
        (Objects, _place) = ToolStorage.Open(arguments);
        Store = new BlockStore(Objects, WorkFolder, new BlockStoreOptions { Cache = new RangeCache(_place.CacheBytes) });
        Store.Sweep();
    }

    public void Dispose()
    {
        (Objects as IDisposable)?.Dispose();
        if (Directory.Exists(WorkFolder)) Directory.Delete(WorkFolder, recursive: true);
    }

    public ToolArguments Arguments { get; }

    public IObjectStore Objects { get; }

    public BlockStore Store { get; }

    /// <summary>The folder of the blocks; "" where they are in a bucket.</summary>
    public string Folder => _place.Folder;

    /// <summary>Where blocks are built before they are put: of this process alone.</summary>
    public static string WorkFolder => Path.Combine(Path.GetTempPath(), $"tempo-tool-{Environment.ProcessId}");

    public static CancellationToken Cancellation => CancellationToken.None;

    public void Print(string line) => _output.WriteLine(line);

    /// <summary>Prints rows under their headings, columns as wide as they must be.</summary>
    public void PrintTable(string[] headings, IReadOnlyList<string[]> rows)
    {
        var widths = headings.Select((heading, i) => rows.Select(row => row[i].Length).Append(heading.Length).Max()).ToArray();
        foreach (var row in rows.Prepend(headings)) Print(string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
    }

    /// <summary>The tenant that is the argument at this place.</summary>
    public TenantId Tenant(int place) =>
        TenantId.TryParse(Arguments.Names[place], out var tenant, out var error)
            ? tenant
            : throw new ToolException($"tenant '{Arguments.Names[place]}': {error}");

    /// <summary>The block whose tenant and id are the first two arguments.</summary>
    public async Task<BlockMeta> BlockAsync()
    {
        if (!BlockId.TryParse(Arguments.Names[1], out var id)) throw new ToolException($"block '{Arguments.Names[1]}' is not a UUID");
        var problem = "there is no such block";
        var meta = await Store.TryReadMetaAsync(Tenant(0), id, damage => problem = damage, Cancellation).ConfigureAwait(false);
        return meta ?? throw new ToolException($"block {Arguments.Names[0]}/{id}: {problem}");
    }

    /// <summary>The tenant's blocks, or the one block that is named behind it.</summary>
    public async Task<List<BlockMeta>> BlocksAsync()
    {
        if (Arguments.Names.Count > 1) return [await BlockAsync().ConfigureAwait(false)];
        var listing = await ListAsync(Tenant(0)).ConfigureAwait(false);
        foreach (var block in listing.Unreadable) Print($"block {block.Block} cannot be read: {block.Error}");
        return [.. listing.Blocks.OrderBy(static block => block.StartSeconds).ThenBy(static block => block.BlockId)];
    }

    /// <summary>
    /// The tenant's blocks, and those that are there and cannot be read. A tenant without a folder, such as one that is misspelt, is an
    /// error and not one without blocks.
    /// </summary>
    public async Task<(List<BlockMeta> Blocks, List<UnreadableBlock> Unreadable)> ListAsync(TenantId tenant)
    {
        var folder = ObjectKey.Root.Append(tenant.Value);
        await foreach (var entry in Objects.ListAsync(ObjectKey.Root, ListScope.Children, Cancellation).ConfigureAwait(false))
            if (entry.IsFolder && entry.Key == folder)
            {
                var all = await Store.ListAllAsync(Cancellation).ConfigureAwait(false);
                return (all.Blocks.FindAll(block => block.Tenant == tenant), all.Unreadable.FindAll(block => block.Tenant == tenant));
            }

        throw new ToolException($"tenant '{tenant}': there is no such folder in {_place.Name}");
    }
}

/// <summary>A verb cannot do what it was asked for.</summary>
/// <param name="isCommandLine">It could not be done whatever the blocks are: the exit code is that of a wrong command line.</param>
public sealed class ToolException(string message, bool isCommandLine = false) : Exception(message)
{
    public bool IsCommandLine => isCommandLine;
}
