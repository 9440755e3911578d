using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Generator.Registry;

namespace Tempo.Perf.Generator;

/// <summary>Memory of many series, and how long requests wait for a collection of them.</summary>
internal static class SeriesCost
{
    public static void Run()
    {
        // 19 series each: 100,016 of them, and then ten times as many.
        foreach (var entities in new[] { 5_264, 52_632 }) Run(entities);
        foreach (var cap in new[] { 0, 200_000 }) RunEnd(100_000, cap);
    }

    // All series end at once, as when a service goes.
    private static void RunEnd(int entities, int cap)
    {
        if (!ProcessorSet.TryParse(["span-metrics-count"], out var processors, out var error)) throw new InvalidOperationException(error);
        var generator = new TenantGenerator(TenantId.Single,
            new GeneratorSettings { Processors = processors, MaxCardinalityPerLabel = cap }, duplicateFilterBytes: 1 << 20);
        var request = new byte[256];
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var i = 1; i <= entities; i++) generator.Add(request.AsSpan(0, Write(request, i, now)), now);
        var before = Environment.CpuUsage.TotalTime;
        generator.Collect(now, endAll: true, NoVisitor.Instance, static () => { });
        var cpu = Environment.CpuUsage.TotalTime - before;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{entities} entities end{(cap > 0 ? ", each label with a cap" : "")}: {cpu.TotalMilliseconds:F0} ms of CPU"));
    }

    private static void Run(int entities)
    {
        if (!ProcessorSet.TryParse(["span-metrics"], out var processors, out var error)) throw new InvalidOperationException(error);
        GC.Collect();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var generator =
            new TenantGenerator(TenantId.Single, new GeneratorSettings { Processors = processors }, duplicateFilterBytes: 1 << 20);
        var request = new byte[256];
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var i = 1; i <= entities; i++) generator.Add(request.AsSpan(0, Write(request, i, now)), now);
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;

        var (samples, slices) = Collection.Measure(generator, now);
        Array.Sort(slices);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{entities} entities, {samples} series: {bytes / 1048576.0:F1} MiB; a collection takes {slices.Sum():F1} ms, and holds the tenant's lock for {slices[slices.Length / 2]:F2} ms at a time (median; 99 %: {slices[slices.Length * 99 / 100]:F2}, longest: {slices[^1]:F2})"));
    }

    // One span with a name of its own.
    internal static int Write(Span<byte> request, int name, long nowUnixMs)
    {
        Span<byte> text = stackalloc byte[48];
        var textLength = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"GET /some/path/of/an/api/{name}"), text);
        var spanLength = 18 + 10 + 2 + textLength + 2 + 18;
        var at = 0;
        Put(request, ref at, 0x0A, (byte)(spanLength + 4), 0x12, (byte)(spanLength + 2), 0x12, (byte)spanLength, 0x0A, 16);
        BinaryPrimitives.WriteInt64BigEndian(request[at..], 1);
        BinaryPrimitives.WriteInt64BigEndian(request[(at + 8)..], 1);
        at += 16;
        Put(request, ref at, 0x12, 8);
        BinaryPrimitives.WriteInt64BigEndian(request[at..], name);
        at += 8;
        Put(request, ref at, 0x2A, (byte)textLength);
        text[..textLength].CopyTo(request[at..]);
        at += textLength;
        Put(request, ref at, 0x30, 2, 0x39);
        BinaryPrimitives.WriteInt64LittleEndian(request[at..], nowUnixMs * 1_000_000 - 1_000_000);
        at += 8;
        Put(request, ref at, 0x41);
        BinaryPrimitives.WriteInt64LittleEndian(request[at..], nowUnixMs * 1_000_000);
        return at + 8;
    }

    private static void Put(Span<byte> request, ref int at, params ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(request[at..]);
        at += bytes.Length;
    }
}
