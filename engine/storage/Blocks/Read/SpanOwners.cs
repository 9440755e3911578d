using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Whose each span is, from repetition levels of which every entry is a span: 0 begins a trace, 1 a resource, 2 a scope. The scalar loop is
/// the truth; which one runs <see cref="LevelKernel"/> chooses.
/// </summary>
internal static class SpanOwners
{
    /// <summary>Numbers of trace, resource and scope of each entry, from 0 on. The levels begin with 0.</summary>
    public static void Number(ReadOnlySpan<byte> levels, Span<int> traces, Span<int> resources, Span<int> scopes) =>
        Number(LevelKernel.Current, levels, traces, resources, scopes);

    /// <summary>The same with a given kernel.</summary>
    internal static void Number(LevelKind kernel, ReadOnlySpan<byte> levels, Span<int> traces, Span<int> resources, Span<int> scopes)
    {
        var done = 0;
        if (kernel == LevelKind.Vector && Vector128.IsHardwareAccelerated)
        {
            var (trace, resource, scope) = (Vector128.Create(-1), Vector128.Create(-1), Vector128.Create(-1));
            ref var from = ref MemoryMarshal.GetReference(levels);
            for (; done + Vector128<byte>.Count <= levels.Length; done += Vector128<byte>.Count)
            {
                var sixteen = Vector128.LoadUnsafe(ref from, (nuint)done);
                trace = Count(sixteen, 0, trace, traces.Slice(done, Vector128<byte>.Count));
                resource = Count(sixteen, 1, resource, resources.Slice(done, Vector128<byte>.Count));
                scope = Count(sixteen, 2, scope, scopes.Slice(done, Vector128<byte>.Count));
            }
        }

        NumberScalar(levels, done, traces, resources, scopes);
    }

    /// <summary>The same from an entry on, one by one and without branches, which nobody could predict.</summary>
    internal static void NumberScalar(ReadOnlySpan<byte> levels, int from, Span<int> traces, Span<int> resources, Span<int> scopes)
    {
        var (trace, resource, scope) = from == 0 ? (-1, -1, -1) : (traces[from - 1], resources[from - 1], scopes[from - 1]);
        traces = traces[..levels.Length];
        resources = resources[..levels.Length];
        scopes = scopes[..levels.Length];
        for (var i = from; i < levels.Length; i++)
        {
            int level = levels[i];
            traces[i] = trace += level == 0 ? 1 : 0;
            resources[i] = resource += level <= 1 ? 1 : 0;
            scopes[i] = scope += level <= 2 ? 1 : 0;
        }
    }

    // How many up to each are at the level or above, after those before: sums of ever longer runs, in four steps.
    private static Vector128<int> Count(Vector128<byte> levels, byte level, Vector128<int> before, Span<int> numbers)
    {
        var sums = Vector128.LessThanOrEqual(levels, Vector128.Create(level)) & Vector128<byte>.One;
        sums += Vector128.Shuffle(sums, Vector128.Create((byte)16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
        sums += Vector128.Shuffle(sums, Vector128.Create((byte)16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13));
        sums += Vector128.Shuffle(sums, Vector128.Create((byte)16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
        sums += Vector128.Shuffle(sums, Vector128.Create((byte)16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7));
        var (low, high) = Vector128.Widen(sums);
        var (first, second) = Vector128.Widen(low);
        var (third, fourth) = Vector128.Widen(high);
        ref var to = ref MemoryMarshal.GetReference(numbers);
        (first.AsInt32() + before).StoreUnsafe(ref to);
        (second.AsInt32() + before).StoreUnsafe(ref to, 4);
        (third.AsInt32() + before).StoreUnsafe(ref to, 8);
        var last = fourth.AsInt32() + before;
        last.StoreUnsafe(ref to, 12);
        return Vector128.Shuffle(last, Vector128.Create(3));
    }
}
