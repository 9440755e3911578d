using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Tests;

/// <summary>Keeps the examples in GRAMMAR.md true.</summary>
public sealed class GrammarDocumentTests
{
    private const string Arrow = " ⇒ ";

    public static TheoryData<string> AcceptedExamples => new(Examples("traceql"));

    public static TheoryData<string> RefusedExamples => new(Examples("refused"));

    [Theory]
    [MemberData(nameof(AcceptedExamples))]
    public void Is_accepted(string text) =>
        Assert.True(TraceQlParser.TryParse(text, out _, out TraceQlError? error), error?.Message);

    [Theory]
    [MemberData(nameof(RefusedExamples))]
    public void Is_refused_as_the_document_says(string line)
    {
        string[] parts = line.Split(Arrow);

        Assert.False(TraceQlParser.TryParse(parts[0], out TraceQlQuery? query, out TraceQlError? error), query?.ToString());
        Assert.Equal(parts[1], error.Message);
    }

    private static List<string> Examples(string language)
    {
        var examples = new List<string>();
        string? block = null;
        foreach (string line in QueryTables.ReadAll("GRAMMAR.md"))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
                block = block is null ? line[3..] : null;
            else if (block == language)
                examples.Add(line);
        }

        return examples;
    }
}
