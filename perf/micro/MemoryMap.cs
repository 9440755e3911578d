using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Live;
using Tempo.Perf.Load.Traffic;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Micro;

/// <summary>
/// What a node keeps in memory at a steady rate, by owner: the live batches of a cut, the writer of blocks after cuts and a merge, what a
/// merge reads into. Walks the objects by reflection and adds up their arrays, so that no figure is an estimate; for the just-in-time
/// build.
/// </summary>
internal sealed class MemoryMap
{
    private const int MaxAttributeBytes = 2048;
    private const int SpansPerRequest = 100;
    private const long StartUnixNanos = 1_760_000_000_000_000_000;

    private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, (long Bytes, int Arrays)> _byOwner = new(StringComparer.Ordinal);
    private readonly int _depth;

    private MemoryMap(int depth) => _depth = depth;

    public static async Task<int> RunAsync(OptionReader options)
    {
        var spans = options.Int("--spans", 75_000, 1000, 10_000_000);
        var depth = options.Int("--depth", 2, 1, 10);
        var rounds = options.Int("--rounds", 3, 1, 100);
        var folder = Path.Combine(options.Text("--folder") ?? "/tmp/tempo-micro", "memory");
        options.ExpectEnd();
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        var objects = LocalObjectStore.Open(Path.Combine(folder, "objects"));
        var store = new BlockStore(objects, Path.Combine(folder, "work"), new BlockStoreOptions());
        store.Sweep();
        var compactor =
            new BlockCompactor(objects, store, new CompactedBlocks(objects, new SteadyClock(TimeProvider.System)), new CompactionOptions());
        var traffic = new Traffic();
        var pool = new LiveBatchPool(64);
        LiveSegment live = null!;
        for (var round = 0; round < rounds; round++)
        {
            var inputs = new List<BlockMeta>();
            for (var i = 0; i < CompactionSelector.MaxInputs; i++)
            {
                live?.Recycle();
                live = traffic.Fill(spans, pool);
                var views = new List<LiveBatchView>();
                live.CollectBatches(TenantId.Single, views);
                var id = BlockId.Derive((ulong)round + 1, (ulong)i);
                inputs.Add((await store.WriteAsync(TenantId.Single, id, 0, visit => LiveTraces.ForEach(views, visit), default)
                    .ConfigureAwait(false))!);
            }

            await compactor.MergeAsync(new CompactionJob(inputs), default).ConfigureAwait(false);
        }

        GC.Collect();
        Print("live", live, depth);
        Print("store", store, depth);
        Print("compactor", compactor, depth);
        Directory.Delete(folder, recursive: true);
        return 0;
    }

    private static void Print(string name, object root, int depth)
    {
        var map = new MemoryMap(depth);
        map.Walk(root);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name}: {map._byOwner.Values.Sum(static owner => owner.Bytes) / 1048576.0:F1} MiB"));
        foreach (var (owner, (bytes, arrays)) in map._byOwner.OrderByDescending(static owner => owner.Value.Bytes).Take(40))
            if (bytes >= 64 << 10)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {bytes / 1048576.0,7:F2} MiB  {arrays,5}  {owner}"));
    }

    // Breadth first, so that what is reachable by several ways belongs to the nearest owner.
    private void Walk(object root)
    {
        var queue = new Queue<(object Object, string Path, int Depth)>([(root, "", 0)]);
        _seen.Add(root);
        while (queue.TryDequeue(out var next))
        {
            if (next.Object is Array array) Count(array, next.Path);
            foreach (var (name, value) in Referenced(next.Object))
            {
                if (value is string or Type or Delegate or Pointer
                    || value.GetType().Namespace?.StartsWith("System.Reflection", StringComparison.Ordinal) == true || !_seen.Add(value))
                    continue;
                var isNamed = next.Object is not Array && name.Length > 0;
                var owner = isNamed && next.Depth < _depth ? $"{next.Path}.{name}" : next.Path;
                queue.Enqueue((value, owner, isNamed ? next.Depth + 1 : next.Depth));
            }
        }
    }

    private void Count(Array array, string path)
    {
        var type = array.GetType().GetElementType()!;
        var size = type.IsValueType ? SizeOf(type) : IntPtr.Size;
        var (bytes, arrays) = _byOwner.GetValueOrDefault(path);
        _byOwner[path] = (bytes + array.LongLength * size, arrays + 1);
    }

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static IEnumerable<(string Name, object Value)> Referenced(object from)
    {
        if (from is Array array)
        {
            var element = array.GetType().GetElementType()!;
            if (element.IsPrimitive || element.IsEnum) yield break;
            foreach (var item in (IEnumerable)array)
                if (item is not null)
                    foreach (var found in element.IsValueType ? Fields(item) : [("", item)])
                        yield return found;
            yield break;
        }

        foreach (var found in Fields(from)) yield return found;
    }

    private static IEnumerable<(string Name, object Value)> Fields(object from)
    {
        for (var type = from.GetType(); type is not null; type = type.BaseType)
            foreach (var field in type.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (field.FieldType.IsPrimitive || field.FieldType.IsEnum || field.FieldType.IsPointer || field.FieldType.IsByRefLike)
                    continue;
                if (field.GetValue(from) is not { } value) continue;
                var name = field.Name is "_items" or "_array" or "_entries" or "_buffer"
                    ? ""
                    : field.Name.Replace("k__BackingField", "", StringComparison.Ordinal).Trim('<', '>', '_');
                if (field.FieldType.IsValueType)
                {
                    foreach (var (inner, found) in Fields(value)) yield return ($"{name}.{inner}", found);
                    continue;
                }

                yield return (name, value);
            }
    }

    private sealed class Traffic
    {
        private readonly RequestTemplate[] _templates = TemplateBuilder.BuildMany(1, SpansPerRequest, 64);
        private readonly RequestStamper _stamper = new(1);
        private int _request;

        public LiveSegment Fill(int spans, LiveBatchPool pool)
        {
            var live = new LiveSegment(shardCount: 1, MaxAttributeBytes, pool);
            for (; live.SpanCount < spans; _request++)
            {
                var template = _templates[_request % _templates.Length];
                var request = new byte[template.Bytes.Length];
                _stamper.Stamp(template, StartUnixNanos + (_request * 10_000_000L), request);
                live.Append(TenantId.Single, request);
            }

            return live;
        }
    }
}
