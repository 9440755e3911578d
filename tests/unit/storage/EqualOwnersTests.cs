using Tempo.Engine.Storage.Compaction;
using Tempo.Engine.Storage.Scan;
using Xunit;

namespace Tempo.Storage.Tests;

/// <summary>Owners of random content, few of each kind, against the first that is written down in the same way.</summary>
public sealed class EqualOwnersTests
{
    private readonly Random _random = new(5);

    [Fact]
    public void Spans_refer_to_the_first_of_equal_resources_and_scopes()
    {
        // One object for all, as a merge has it: what is left of one page says nothing of the next.
        var owners = new EqualOwners();
        var unified = 0;
        for (var round = 0; round < 400; round++)
        {
            var page = new SpanBatch();
            var count = _random.Next(0, 120);
            var resources = AddResources(page, count);
            var scopes = AddScopes(page, count);
            page.SpanCount = count;
            page.Resource = [.. Enumerable.Range(0, count)];
            page.Scope = [.. Enumerable.Range(0, count)];
            owners.Unify(page);
            Assert.Equal(Enumerable.Range(0, count).Select(row => resources.IndexOf(resources[row])), page.Resource);
            Assert.Equal(Enumerable.Range(0, count).Select(row => scopes.IndexOf(scopes[row])), page.Scope);
            unified += count - page.Resource.Distinct().Count();
        }

        Assert.InRange(unified, 1000, 20_000);
    }

    // Each would be compared with all before it, if its hash did not tell: minutes for a page.
    [Fact]
    public void What_only_a_column_of_its_own_tells_apart_is_not_looked_for_among_all()
    {
        const int count = 100_000;
        var page = new SpanBatch { SpanCount = count, Resource = [.. Enumerable.Range(0, count)], Scope = new int[count] };
        var r = page.Resources;
        (r.Count, r.ServiceName, r.HasServiceName, r.DroppedAttributes, r.AttributeStart) =
            (count, new StringColumn { Codes = new int[count] }, new byte[count], new uint[count], new int[count + 1]);
        page.Dedicated.Add(new DedicatedColumn
        {
            Scope = AttributeScope.Resource,
            Key = [1],
            Type = AttributeType.Int,
            Start = [.. Enumerable.Range(0, count + 1)],
            Bits = [.. Enumerable.Range(0, count).Select(static row => (long)row)]
        });
        new EqualOwners().Unify(page);
        Assert.Equal(Enumerable.Range(0, count), page.Resource);
    }

    private List<string> AddResources(SpanBatch page, int count)
    {
        var r = page.Resources;
        r.Count = count;
        r.ServiceName = Codes(count);
        r.HasServiceName = [.. Enumerable.Range(0, count).Select(_ => (byte)_random.Next(2))];
        r.DroppedAttributes = [.. Enumerable.Range(0, count).Select(_ => (uint)(_random.Next(9) / 8))];
        var attributes = AddAttributes(r.Attributes, out r.AttributeStart, count);
        // Of a span's column each has another value, which is not a resource's.
        var values = Enumerable.Range(0, count).Select(_ => (long)(_random.Next(9) / 8)).ToArray();
        foreach (var (scope, bits) in new[] { (AttributeScope.Resource, values),
            (AttributeScope.Span, [.. Enumerable.Range(0, count).Select(static row => (long)row)]) })
            page.Dedicated.Add(new DedicatedColumn
            {
                Scope = scope,
                Key = [1],
                Type = AttributeType.Int,
                Start = [.. Enumerable.Range(0, count + 1)],
                Bits = bits
            });
        return [.. Enumerable.Range(0, count).Select(
            row => $"{r.ServiceName.Codes[row]} {r.HasServiceName[row]} {r.DroppedAttributes[row]} {values[row]} {attributes[row]}")];
    }

    private List<string> AddScopes(SpanBatch page, int count)
    {
        var s = page.Scopes;
        s.Count = count;
        (s.Name, s.Version) = (Codes(count), Codes(count));
        s.DroppedAttributes = [.. Enumerable.Range(0, count).Select(_ => (uint)(_random.Next(9) / 8))];
        var attributes = AddAttributes(s.Attributes, out s.AttributeStart, count);
        return [.. Enumerable.Range(0, count).Select(
            row => $"{s.Name.Codes[row]} {s.Version.Codes[row]} {s.DroppedAttributes[row]} {attributes[row]}")];
    }

    private StringColumn Codes(int count) => new() { Codes = [.. Enumerable.Range(0, count).Select(_ => _random.Next(2))] };

    // Up to three attributes; arrays have their items elsewhere each time.
    private List<string> AddAttributes(AttributeColumns attributes, out int[] starts, int count)
    {
        var (keys, types, bits, items, ends, written) =
            (new List<int>(), new List<AttributeType>(), new List<long>(), new List<long>(), new List<int> { 0 }, new List<string>());
        for (var row = 0; row < count; row++)
        {
            var text = "";
            for (var i = _random.Next(4); i > 0; i--)
            {
                var isArray = _random.Next(3) == 0;
                var (key, type) =
                    (_random.Next(2), (AttributeType)((int)(isArray ? AttributeType.StringArray : AttributeType.String) + _random.Next(2)));
                long[] values = [.. Enumerable.Range(0, isArray ? _random.Next(1, 3) : 1).Select(_ => (long)_random.Next(2))];
                keys.Add(key);
                types.Add(type);
                bits.Add(isArray ? ArrayRef.Pack(items.Count, values.Length) : values[0]);
                if (isArray) items.AddRange(values);
                text += $"{key} {type} {string.Join(',', values)};";
            }

            ends.Add(keys.Count);
            written.Add(text);
        }

        (attributes.Keys, attributes.Types, attributes.Bits, attributes.Items) = ([.. keys], [.. types], [.. bits], [.. items]);
        (attributes.Count, attributes.ItemCount, starts) = (keys.Count, items.Count, [.. ends]);
        return written;
    }
}
