using System.Globalization;

namespace Tempo.Node.Tests.Corruption;

/// <summary>
/// Any file of a node's blocks comes to other bytes: data, bloom filter, index, sidecar, meta, tenant indexes. Nothing throws,
/// nothing answers wrongly, and what is missing is told. TEMPO_CORRUPTION_INPUTS says how many files are damaged, TEMPO_CORRUPTION_SEED
/// where chance begins.
/// </summary>
public sealed class CorruptionTests(ITestOutputHelper output)
{
    private const int InputsOfANode = 150;

    [Fact]
    public async Task A_damaged_file_costs_at_most_what_it_holds_and_the_answer_says_so()
    {
        var inputs = FromEnvironment("TEMPO_CORRUPTION_INPUTS", 300);
        var seed = FromEnvironment("TEMPO_CORRUPTION_SEED", 1);
        GoldenNode? golden = null;
        for (var input = 0; input < inputs; input++)
        {
            // Now and then other blocks.
            if (input % InputsOfANode == 0) golden = await GoldenNode.MakeAsync(seed + input);
            var random = new Random(seed + input * 7919);
            var files = golden!.Files;
            var path = files.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(files.Count));
            var name = path[path.LastIndexOf('/')..];
            // What can lie in its place is what lies in the same place elsewhere, or anything.
            var others = random.Next(2) == 0
                ? files.Where(file => file.Key != path && file.Key.EndsWith(name, StringComparison.Ordinal))
                    .Select(static file => file.Value).ToList()
                : [.. files.Values];
            var mutation = new Mutation(random, others);
            var content = mutation.Apply(files[path]);
            try
            {
                await golden.CheckAsync(
                    path, content, useIndex: name.StartsWith("/index.pb", StringComparison.Ordinal)
                        || name.StartsWith("/index.json.gz", StringComparison.Ordinal) || random.Next(4) == 0, doOthersAsk: input % 4 == 0);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, input {input}: {path}: {mutation.Name}: {e.Message}", e);
            }
        }

        output.WriteLine($"{inputs} damaged files from seed {seed}");
    }

    private static int FromEnvironment(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
